"""Changing a person's details."""

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCompleter, QDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from attendance.errors import InputError, KnownError
from attendance.staff import MAX_TEXT_LENGTH, checked_text
from attendance.types import Person
from gui.bridge import on_done
from gui.desk_operator import OPERATOR
from gui.form_field import FormField
from gui.services import Services
from gui.widgets import Button, Text, primary_button

WIDTH_PX = 520


class PersonDialog(QDialog):
    """Name, department and shift, checked as they are typed. The staff id cannot be changed."""

    saved = Signal(object)
    """The Person as stored, after COMMIT."""

    def __init__(self, services: Services, person: Person, *, parent: QWidget) -> None:
        super().__init__(parent)
        self.setModal(True)
        self.setFixedWidth(WIDTH_PX)
        self.setWindowTitle(self.tr("Edit person"))
        self._services = services
        self._person = person
        self.editors = {
            "name": QLineEdit(person.name),
            "department": QLineEdit(person.department),
            "shift": QLineEdit(person.shift),
        }
        labels = {
            "name": self.tr("Full name"),
            "department": self.tr("Department"),
            "shift": self.tr("Shift"),
        }
        self.fields = {key: FormField(labels[key], self.editors[key]) for key in self.editors}
        self.problem = Text("", tone="danger", wrap=True)
        self.save_button = primary_button(self.tr("Save"))
        self.save_button.setDefault(True)
        self.cancel_button = Button(self.tr("Cancel"))
        self.cancel_button.setAutoDefault(False)
        self._build()
        for key, editor in self.editors.items():
            editor.setMaxLength(MAX_TEXT_LENGTH + 50)
            editor.textEdited.connect(lambda _text, key=key: self._on_edited(key))
        self.save_button.clicked.connect(self._on_save_clicked)
        self.cancel_button.clicked.connect(self.reject)
        on_done(services.store.departments(), self._suggest, lambda _error: None, owner=self)
        self.editors["name"].setFocus()
        self._show_possible()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(16)
        column.addWidget(Text(self.tr("Edit person"), "title"))
        staff_id = self.tr("Staff id {staff_id}").format(staff_id=self._person.staff_id)
        column.addWidget(Text(staff_id, tone="muted"))
        for field in self.fields.values():
            column.addWidget(field)
        column.addWidget(self.problem)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.save_button)
        column.addLayout(buttons)
        self.problem.hide()

    def _text(self, key: str) -> str:
        return checked_text(key, self.editors[key].text(), required=key == "name")

    def _on_edited(self, key: str) -> None:
        try:
            self._text(key)
        except InputError as error:
            self.fields[key].set_problem(str(error))
        else:
            self.fields[key].set_problem("")
        self._show_possible()

    def _changed(self) -> Person:
        return replace(
            self._person,
            name=self._text("name"),
            department=self._text("department"),
            shift=self._text("shift"),
        )

    def _show_possible(self) -> None:
        broken = any(field.problem for field in self.fields.values())
        self.save_button.setEnabled(not broken and self._changed() != self._person)

    def _on_save_clicked(self) -> None:
        self.save_button.setEnabled(False)
        future = self._services.store.update_person(self._changed(), operator=OPERATOR)
        on_done(future, self._on_saved, self._on_failed, owner=self)

    def _on_saved(self, person: Person) -> None:
        self.saved.emit(person)
        self.accept()

    def _on_failed(self, error: KnownError) -> None:
        self.problem.setText(str(error))
        self.problem.show()
        self._show_possible()

    def _suggest(self, names: tuple[str, ...]) -> None:
        completer = QCompleter(list(names), self)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        self.editors["department"].setCompleter(completer)
