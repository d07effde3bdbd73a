"""Who is to be enrolled."""

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QCompleter, QGridLayout, QLineEdit, QWizard

from attendance.errors import InputError, KnownError
from attendance.staff import MAX_TEXT_LENGTH, checked_staff_id, checked_text
from attendance.types import Person, PersonState
from gui.bridge import on_done
from gui.form_field import FormField
from gui.services import Services
from gui.widgets import Text
from gui.wizard.draft import EnrolmentDraft
from gui.wizard.step_page import StepPage
from storage.text import folded

ASK_AFTER_MS = 250


class DetailsPage(StepPage):
    """Staff id, name, department and shift, each checked as it is typed.

    Whether the staff id is free is asked of the store, which answers later: Next waits for it.
    """

    def __init__(self, *, services: Services, draft: EnrolmentDraft) -> None:
        super().__init__(0, services=services, draft=draft)
        self.staff_id = QLineEdit(draft.staff_id)
        self.name = QLineEdit(draft.name)
        self.department = QLineEdit(draft.department)
        self.shift = QLineEdit(draft.shift)
        self.fields = {
            "staff_id": FormField(
                self.tr("Staff id"),
                self.staff_id,
                help_text=self.tr("Unique, for example A-17. It cannot be changed later."),
            ),
            "name": FormField(
                self.tr("Full name"), self.name, help_text=self.tr("As it is to be greeted.")
            ),
            "department": FormField(
                self.tr("Department"), self.department, help_text=self.tr("May stay empty.")
            ),
            "shift": FormField(self.tr("Shift"), self.shift, help_text=self.tr("May stay empty.")),
        }
        for key, editor in self._editors().items():
            editor.setMaxLength(MAX_TEXT_LENGTH + 50)
            editor.setReadOnly(draft.known is not None)
            editor.textEdited.connect(lambda _text, key=key: self._on_edited(key))
        self._free_id: str | None = None
        self._taken_id: str | None = None
        self._ask_timer = QTimer(self)
        self._ask_timer.setSingleShot(True)
        self._ask_timer.setInterval(ASK_AFTER_MS)
        self._ask_timer.timeout.connect(lambda: self._ask_if_free(lambda: None))
        self._build()

    def enter(self) -> None:
        if self.draft.known is not None:
            self.question.setText(self.tr("New pictures for this person"))
            self.staff_id.deselect()
            self.wizard().button(QWizard.WizardButton.NextButton).setFocus()
            return
        self.question.setText(self.tr("Who is to be enrolled?"))
        on_done(self.services.store.departments(), self._suggest_departments, owner=self)
        self.staff_id.setFocus()

    def isComplete(self) -> bool:
        if self.draft.known is not None:
            return True
        if self._taken_id is not None and self._taken_id == self.staff_id.text().strip():
            return False
        return all(not self._problem(key) for key in self.fields)

    def validatePage(self) -> bool:
        if self.draft.known is not None:
            return True
        for key in self.fields:
            self._show_problem(key)
        if not self.isComplete():
            return False
        if self._free_id != self._key():
            self._ask_timer.stop()
            self._ask_if_free(self.advance_requested.emit)
            return False
        return True

    def _build(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(16)
        for place, field in enumerate(self.fields.values()):
            top = Qt.AlignmentFlag.AlignTop
            grid.addWidget(field, place // 2, place % 2, top)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        self.body.addLayout(grid)
        if self.draft.known is not None:
            note = self.tr(
                "The details stay as they are; change them in the people list. The new pictures "
                "take the place of all present ones."
            )
            self.body.addWidget(Text(note, tone="muted", wrap=True))
            for field in self.fields.values():
                field.set_help("")
        self.body.addStretch(1)

    def _editors(self) -> dict[str, QLineEdit]:
        return {
            "staff_id": self.staff_id,
            "name": self.name,
            "department": self.department,
            "shift": self.shift,
        }

    def _key(self) -> str:
        """What the answer of the store holds for: an erased person's id asks for the same name."""
        return f"{self.staff_id.text().strip()}\n{folded(self.name.text())}"

    def _problem(self, key: str) -> str:
        text = self._editors()[key].text()
        try:
            if key == "staff_id":
                checked_staff_id(text)
            else:
                checked_text(key, text, required=key == "name")
        except InputError as error:
            return str(error)
        return ""

    def _show_problem(self, key: str) -> None:
        if key == "staff_id" and self._taken_id == self.staff_id.text().strip() and self._taken_id:
            return
        self.fields[key].set_problem(self._problem(key))

    def _on_edited(self, key: str) -> None:
        setattr(self.draft, key, self._editors()[key].text())
        if key == "name":
            self._taken_id = None
        self._show_problem(key)
        if key in ("staff_id", "name") and not self._problem("staff_id"):
            self._ask_timer.start()
        self.completeChanged.emit()

    def _ask_if_free(self, then: Callable[[], None]) -> None:
        if self._problem("staff_id"):
            return
        asked, key = self.staff_id.text().strip(), self._key()

        def answered(person: Person | None) -> None:
            if key != self._key():
                return
            problem = self._why_taken(person)
            self.fields["staff_id"].set_problem(problem)
            self._taken_id = asked if problem else None
            self._free_id = None if problem else key
            self.completeChanged.emit()
            if not problem:
                then()

        def failed(error: KnownError) -> None:
            self.fields["staff_id"].set_problem(str(error))

        on_done(self.services.store.person(asked), answered, failed, owner=self)

    def _why_taken(self, person: Person | None) -> str:
        if person is None:
            return ""
        if person.state is not PersonState.ERASED:
            return self.tr("This staff id already belongs to {name}. Use another one.").format(
                name=person.name
            )
        if self.name.text().strip() and folded(person.name) != folded(self.name.text().strip()):
            return self.tr(
                "This staff id belonged to {name}, whose punches stay. Use another one."
            ).format(name=person.name)
        return ""

    def _suggest_departments(self, names: tuple[str, ...]) -> None:
        completer = QCompleter(list(names), self)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        self.department.setCompleter(completer)
