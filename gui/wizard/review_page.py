"""What is about to be stored, and whether the face is enrolled already."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from attendance.enrolment import already_enrolled
from attendance.errors import KnownError
from attendance.types import Match, Person
from gui.bridge import on_done
from gui.desk_operator import OPERATOR
from gui.layouts import clear_layout, scrolled
from gui.messages import isolated
from gui.services import Services
from gui.widgets import Card, Symbol, Text, restyle
from gui.wizard.draft import PHOTO_VIEW, EnrolmentDraft
from gui.wizard.pictures import round_crop
from gui.wizard.step_page import StepPage

PICTURE_PX = 72
MOST_SHOWN = 10


class ReviewPage(StepPage):
    """Asks the gallery, shows everything once more, and saves. Nothing is stored before that."""

    person_saved = Signal(object)
    """The Person, after COMMIT."""

    def __init__(self, *, services: Services, draft: EnrolmentDraft) -> None:
        super().__init__(3, services=services, draft=draft)
        self.setCommitPage(True)
        self._checked = False
        self._saving = False
        self._asked = 0
        self.verdict = Card()
        self.verdict_symbol = Symbol("hourglass", 40, tint="muted", disc="raised")
        self.verdict_title = Text("", "large", strong=True, wrap=True)
        self.verdict_sentence = Text("", wrap=True, tone="muted")
        self.two_people = QCheckBox(self.tr("I have checked it: they are two different people"))
        self.two_people.toggled.connect(lambda _checked: self.completeChanged.emit())
        self.problem = Text("", tone="danger", wrap=True)
        self._summary = QGridLayout()
        self._pictures = QHBoxLayout()
        self._build()

    def enter(self) -> None:
        self.question.setText(
            self.tr("Save these pictures?")
            if self.draft.known is not None
            else self.tr("Save this person?")
        )
        self.problem.clear()
        self.two_people.setChecked(False)
        self._show_summary()
        self._show_pictures()
        self._check()

    def isComplete(self) -> bool:
        clear = self.draft.duplicate is None or self.two_people.isChecked()
        return self._checked and clear and not self._saving

    def validatePage(self) -> bool:
        if self.draft.saved:
            return True
        if self.isComplete():
            self._save()
        return False

    # What the page is made of

    def _build(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(self.verdict_title)
        words.addWidget(self.verdict_sentence)
        words.addWidget(self.two_people)
        row = QHBoxLayout(self.verdict)
        row.setContentsMargins(24, 16, 24, 16)
        row.setSpacing(16)
        row.addWidget(self.verdict_symbol, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        card = Card()
        inside = QVBoxLayout(card)
        inside.setContentsMargins(24, 16, 24, 16)
        inside.setSpacing(16)
        self._summary.setHorizontalSpacing(24)
        self._summary.setVerticalSpacing(4)
        self._summary.setColumnStretch(1, 2)
        self._summary.setColumnStretch(3, 1)
        inside.addLayout(self._summary)
        self._pictures.setSpacing(12)
        inside.addLayout(self._pictures)
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(16)
        column.addWidget(self.verdict)
        column.addWidget(card)
        column.addStretch(1)
        self.body.addWidget(scrolled(holder), 1)
        self.body.addWidget(self.problem)

    def _show_summary(self) -> None:
        clear_layout(self._summary)
        person = self.draft.person()
        consent = person.consent_utc
        at = "–" if consent is None else f"{consent.astimezone(self.services.zone):%Y-%m-%d %H:%M}"
        cells = (
            (0, 0, self.tr("Name"), person.name),
            (1, 0, self.tr("Department"), person.department or "–"),
            (2, 0, self.tr("Consent"), at),
            (0, 2, self.tr("Staff id"), person.staff_id),
            (1, 2, self.tr("Shift"), person.shift or "–"),
        )
        for line, place, label, value in cells:
            top = Qt.AlignmentFlag.AlignTop
            words = Text(value, strong=line == 0, wrap=True)
            self._summary.addWidget(Text(label, tone="muted"), line, place, top)
            self._summary.addWidget(words, line, place + 1, top)

    def _show_pictures(self) -> None:
        clear_layout(self._pictures)
        looks = self.draft.looks()
        for view, look in looks[:MOST_SHOWN]:
            picture = QLabel()
            picture.setFixedSize(PICTURE_PX, PICTURE_PX)
            mirror = self.services.settings.kiosk.mirror and view != PHOTO_VIEW
            picture.setPixmap(
                round_crop(look.crop, PICTURE_PX, mirror=mirror, ratio=self.devicePixelRatioF())
            )
            self._pictures.addWidget(picture)
        count = self.tr("{count} templates are kept, the pictures are not.").format(
            count=len(looks)
        )
        one = self.tr("One template is kept, the picture is not.")
        self._pictures.addWidget(
            Text(one if len(looks) == 1 else count, tone="muted", wrap=True), 1
        )

    # The check against the gallery

    def _check(self) -> None:
        self._asked += 1
        asked = self._asked
        self._checked = False
        self._show_verdict(
            "hourglass",
            tint="muted",
            disc="raised",
            title=self.tr("Comparing with everybody enrolled …"),
        )
        looks = tuple(look for _, look in self.draft.looks())
        settings = self.draft.settings
        known = self.draft.known
        ignore = self.draft.person().staff_id if known is not None else None
        future = self.services.engine.call(
            lambda pipeline: already_enrolled(
                looks, pipeline.gallery, settings=settings, ignore=ignore
            )
        )

        def answered(match: Match | None) -> None:
            if asked == self._asked:
                self._on_compared(match)

        def failed(error: KnownError) -> None:
            if asked == self._asked:
                self._show_verdict(
                    "warning",
                    tint="on_danger",
                    disc="danger_fill",
                    title=self.tr("The comparison did not work"),
                    sentence=self.tr("{error} Go back and on again to repeat it.").format(
                        error=error
                    ),
                )

        on_done(future, answered, failed, owner=self)
        self.completeChanged.emit()

    def _on_compared(self, match: Match | None) -> None:
        self.draft.duplicate = match
        self._checked = True
        if match is None or match.person_id is None:
            self._show_verdict(
                "check",
                tint="on_success",
                disc="success_fill",
                title=self.tr("This face is not enrolled under another name"),
                sentence=self.tr("It was compared with everybody in the gallery."),
            )
        else:
            self._show_duplicate(match.person_id)
        self.completeChanged.emit()

    def _show_duplicate(self, staff_id: str) -> None:
        person = self.services.people(staff_id)
        self._show_duplicate_named(staff_id, person)
        if person is None:
            on_done(
                self.services.store.person(staff_id),
                lambda found: self._show_duplicate_named(staff_id, found),
                lambda _error: None,
                owner=self,
            )

    def _show_duplicate_named(self, staff_id: str, person: Person | None) -> None:
        name = isolated(person.name) if person is not None else "…"
        self._show_verdict(
            "people",
            tint="on_warning",
            disc="warning_fill",
            title=self.tr("This face is already enrolled as {name} ({staff_id})").format(
                name=name, staff_id=staff_id
            ),
            sentence=self.tr(
                "One person with two staff ids cannot be told apart at the kiosk. Cancel, and use "
                "«New pictures» in the people list, unless these are twins or close relatives."
            ),
            ask=True,
        )

    def _show_verdict(
        self,
        symbol: str,
        *,
        tint: str,
        disc: str,
        title: str,
        sentence: str = "",
        ask: bool = False,
    ) -> None:
        self.verdict_symbol.set_symbol(symbol, tint=tint, disc=disc)
        self.verdict_title.setText(title)
        self.verdict_sentence.setText(sentence)
        self.verdict_sentence.setVisible(bool(sentence))
        self.two_people.setVisible(ask)

    # Saving

    def _save(self) -> None:
        self._saving = True
        self.problem.setText(self.tr("Saving …"))
        restyle(self.problem, tone="muted")
        self.completeChanged.emit()
        store, person = self.services.store, self.draft.person()
        templates = self.draft.templates()
        lookalike = None if self.draft.duplicate is None else self.draft.duplicate.person_id
        if self.draft.known is None:
            enrolled = store.enrol(person, templates, operator=OPERATOR, lookalike=lookalike)
            on_done(enrolled, lambda _person: self._on_saved(), self._on_not_saved, owner=self)
            return
        replaced = store.replace_templates(
            person.staff_id,
            templates,
            operator=OPERATOR,
            consent_utc=person.consent_utc,
            lookalike=lookalike,
        )
        on_done(replaced, lambda _none: self._on_saved(), self._on_not_saved, owner=self)

    def _on_saved(self) -> None:
        self._saving = False
        self.draft.saved = True
        self.problem.clear()
        self.completeChanged.emit()
        self.person_saved.emit(self.draft.person())
        self.advance_requested.emit()

    def _on_not_saved(self, error: KnownError) -> None:
        self._saving = False
        self.problem.setText(self.tr("Nothing was saved. {error}").format(error=error))
        restyle(self.problem, tone="danger")
        self.completeChanged.emit()
