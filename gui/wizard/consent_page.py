"""What is done with the face, and that the person agrees."""

from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from gui.layouts import scrolled
from gui.messages import isolated
from gui.services import Services
from gui.widgets import Card, Symbol, Text
from gui.wizard.draft import EnrolmentDraft
from gui.wizard.step_page import StepPage


class ConsentPage(StepPage):
    """The text of the consent and its confirmation. The moment of the tick is what is stored."""

    def __init__(self, *, services: Services, draft: EnrolmentDraft) -> None:
        super().__init__(1, services=services, draft=draft)
        self.agreed = QCheckBox()
        self.agreed.setChecked(draft.consent_utc is not None)
        self.agreed.toggled.connect(self._on_toggled)
        self.when = Text("", "small", tone="muted", wrap=True)
        card = Card()
        points = QVBoxLayout(card)
        points.setContentsMargins(24, 20, 24, 20)
        points.setSpacing(16)
        for symbol, title, sentence in self._points():
            points.addLayout(_point(symbol, title, sentence))
        holder = QWidget()
        text = QVBoxLayout(holder)
        text.setContentsMargins(0, 0, 0, 0)
        text.addWidget(card)
        text.addStretch(1)
        self.body.addWidget(scrolled(holder), 1)
        below = QWidget()
        confirm = QVBoxLayout(below)
        confirm.setContentsMargins(0, 0, 0, 0)
        confirm.setSpacing(0)
        confirm.addWidget(self.agreed)
        confirm.addWidget(self.when)
        self.body.addWidget(below)

    def enter(self) -> None:
        name = isolated(self.draft.name.strip())
        self.question.setText(self.tr("Does {name} agree?").format(name=name))
        self.agreed.setText(
            self.tr("{name} has read this, or had it read out, and agrees").format(name=name)
        )
        self._show_when()
        self.agreed.setFocus()

    def isComplete(self) -> bool:
        return self.draft.consent_utc is not None

    def _on_toggled(self, agreed: bool) -> None:  # noqa: FBT001 - Qt's signal
        self.draft.consent_utc = self.services.clock.now_utc() if agreed else None
        self._show_when()
        self.completeChanged.emit()

    def _show_when(self) -> None:
        at_utc = self.draft.consent_utc
        if at_utc is not None:
            at = at_utc.astimezone(self.services.zone)
            self.when.setText(
                self.tr("Consent given on {date} at {time}.").format(
                    date=f"{at:%Y-%m-%d}", time=f"{at:%H:%M}"
                )
            )
            return
        known = self.draft.known
        if known is not None and known.consent_utc is not None:
            at = known.consent_utc.astimezone(self.services.zone)
            self.when.setText(
                self.tr(
                    "An earlier consent was given on {date}; new pictures need a new one."
                ).format(date=f"{at:%Y-%m-%d}")
            )
            return
        self.when.setText(self.tr("Without consent nobody can be enrolled."))

    def _points(self) -> tuple[tuple[str, str, str], ...]:
        return (
            (
                "face",
                self.tr("What is kept"),
                self.tr(
                    "From pictures of the face Clockface works out numbers, called templates, by "
                    "which this kiosk recognises the person. The pictures are not kept."
                ),
            ),
            (
                "clock",
                self.tr("What for"),
                self.tr(
                    "Only for clocking in and out. The templates stay on this machine and are "
                    "sent nowhere."
                ),
            ),
            (
                "shield",
                self.tr("Free choice"),
                self.tr(
                    "Nobody has to agree. Whoever does not agrees on another way of clocking in "
                    "with HR and has no disadvantage from it."
                ),
            ),
            (
                "trash",
                self.tr("Taking it back"),
                self.tr(
                    "The consent can be taken back at any time. The templates are then erased for "
                    "good; punches made so far stay for as long as the law wants them."
                ),
            ),
        )


def _point(symbol: str, title: str, sentence: str) -> QHBoxLayout:
    words = QVBoxLayout()
    words.setSpacing(2)
    words.addWidget(Text(title, strong=True))
    words.addWidget(Text(sentence, wrap=True))
    row = QHBoxLayout()
    row.setSpacing(16)
    picture = QVBoxLayout()
    picture.addWidget(Symbol(symbol, 40, tint="accent", disc="raised"))
    picture.addStretch(1)
    row.addLayout(picture)
    row.addLayout(words, 1)
    return row
