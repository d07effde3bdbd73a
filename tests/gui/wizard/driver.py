"""Presses the wizard's buttons as a person would."""

from PySide6.QtWidgets import QWidget, QWizard
from pytestqt.qtbot import QtBot

from attendance.types import Person, PersonState
from gui.wizard.enrolment_wizard import EnrolmentWizard
from tests.gui.desk.hands import click, type_text
from tests.gui.desk.scene import Look, Scene, make_look

ANGLES = {"front": (0, 0), "left": (20, 0), "right": (-20, 0), "up": (0, 15), "down": (0, -15)}


class Driver:
    """Presses the wizard's buttons as a person would, and waits for what it waits for."""

    def __init__(self, qtbot: QtBot, scene: Scene, person: Person | None = None) -> None:
        self.qtbot = qtbot
        self.scene = scene
        self.wizard = EnrolmentWizard(scene.fakes.services, None, person)
        self.wizard._may_discard = lambda: True  # type: ignore[method-assign]
        qtbot.addWidget(self.wizard)
        self.wizard.show()

    @property
    def page(self) -> QWidget | None:
        return self.wizard.currentPage()

    def is_on(self, page: QWidget) -> bool:
        """Tell whether this page is shown now."""
        return self.page is page

    def press(self, button: QWizard.WizardButton) -> None:
        click(self.wizard.button(button))

    def next(self) -> None:
        self._go(QWizard.WizardButton.NextButton)

    def save(self) -> None:
        self._go(QWizard.WizardButton.CommitButton)

    def back(self) -> None:
        self._go(QWizard.WizardButton.BackButton)

    def _go(self, button: QWizard.WizardButton) -> None:
        before = self.page
        self.qtbot.waitUntil(lambda: self.wizard.button(button).isEnabled())
        self.press(button)
        self.qtbot.waitUntil(lambda: self.page is not before)

    def type_details(
        self, staff_id: str = "A-17", name: str = "Ana Duarte", department: str = "Office"
    ) -> None:
        details = self.wizard.details
        for editor, text in (
            (details.staff_id, staff_id),
            (details.name, name),
            (details.department, department),
        ):
            editor.clear()
            if text.isascii():
                type_text(editor, text)
            else:
                editor.insert(text)
                editor.textEdited.emit(editor.text())

    def agree(self) -> None:
        self.wizard.consent.agreed.setChecked(True)

    def to_capture(self, **details: str) -> None:
        if self.wizard.draft.known is None:
            self.type_details(**details)
        self.next()
        self.agree()
        self.next()

    def hold(self, look: Look, *, until: int) -> None:
        """Show frames with this look until so many views are taken."""

        def taken() -> bool:
            self.scene.engine.show(look)
            return len(self.wizard.draft.session.captures) >= until

        self.qtbot.waitUntil(taken)

    def capture_all(self, seed: int = 7) -> None:
        for count, (yaw_deg, pitch_deg) in enumerate(ANGLES.values(), start=1):
            self.hold(make_look(seed, yaw_deg=yaw_deg, pitch_deg=pitch_deg), until=count)

    def to_review(self, seed: int = 7, **details: str) -> None:
        self.to_capture(**details)
        self.capture_all(seed)
        self.next()

    def compared(self) -> None:
        self.qtbot.waitUntil(lambda: self.wizard.review._checked)

    def people(self) -> tuple[str, ...]:
        rows = self.scene.store.people(states=tuple(PersonState)).result()
        return tuple(row.person.staff_id for row in rows)
