"""The operator's PIN: set at the first start, asked for before the desk opens."""

from concurrent.futures import Future
from typing import Protocol

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from attendance.errors import KnownError
from gui.bridge import on_done
from gui.theme import TOUCH_PX, look, style_sheet
from gui.widgets import Button, Symbol, Text, fit_height, primary_button, restyle

MIN_DIGITS = 4
MAX_DIGITS = 12
SET_BY = "first start"


class PinStore(Protocol):
    """What the dialogs need of the store."""

    def set_operator_pin(self, pin: str, *, operator: str) -> "Future[None]": ...
    def check_operator_pin(self, pin: str) -> "Future[bool]": ...


class PinDialog(QDialog):
    """A keypad for a PIN of 4 to 12 digits; by touch or by keyboard. Digits are never shown."""

    def __init__(self, *, title: str, sentence: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setModal(True)
        self._digits = ""
        self.title = Text(title, "title")
        self.sentence = Text(sentence, tone="muted", wrap=True)
        self.dots = Text(type_name="title", strong=True)
        self.problem = Text(tone="danger", wrap=True)
        # Has the keyboard first: a digit typed goes to the dialogue, a space presses nothing.
        self.dots.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.ok_button = primary_button(self.tr("OK"), symbol="check")
        self.cancel_button = Button(self.tr("Cancel"))
        for label in (self.title, self.sentence, self.dots, self.problem):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(32, 24, 32, 24)
        column.setSpacing(8)
        heading = QHBoxLayout()
        heading.setSpacing(12)
        heading.addStretch(1)
        heading.addWidget(Symbol("lock", 32, tint="accent"))
        heading.addWidget(self.title)
        heading.addStretch(1)
        column.addLayout(heading)
        column.addWidget(self.sentence)
        column.addWidget(self.dots)
        column.addWidget(self.problem)
        column.addLayout(self._keypad())
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.ok_button)
        column.addSpacing(8)
        column.addLayout(buttons)
        self.cancel_button.clicked.connect(self.reject)
        self.ok_button.clicked.connect(self._on_ok)
        self.setStyleSheet(style_sheet(look().theme, target_px=TOUCH_PX - 4))
        self.setFixedWidth(400)
        self._show_digits()

    def press(self, digit: str) -> None:
        """Take one digit, as the keypad does."""
        if self._is_busy or len(self._digits) >= MAX_DIGITS:
            return
        self._digits += digit
        self.say("")
        self._show_digits()

    def clear_digits(self) -> None:
        self._digits = ""
        self._show_digits()

    def say(self, problem: str) -> None:
        """Show what is wrong; empty for nothing."""
        self.problem.setText(problem)
        fit_height(self)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        fit_height(self)
        self.dots.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        text = event.text()
        if len(text) == 1 and text in "0123456789":
            self.press(text)
        elif event.key() in (Qt.Key.Key_Backspace, Qt.Key.Key_Delete):
            self._on_backspace()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._on_ok()
        else:
            super().keyPressEvent(event)

    def pin_entered(self, pin: str) -> None:
        """A PIN of the right length was confirmed; subclasses act."""
        raise NotImplementedError

    _is_busy = False

    def set_busy(self, *, busy: bool) -> None:
        self._is_busy = busy
        self.ok_button.setEnabled(not busy and len(self._digits) >= MIN_DIGITS)
        if busy:
            restyle(self.problem, tone="muted")
            self.say(self.tr("One moment …"))
        else:
            restyle(self.problem, tone="danger")
            self.say("")

    def _keypad(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(8)
        for index, digit in enumerate("123456789"):
            grid.addWidget(self._key(digit), index // 3, index % 3)
        erase = Button("", kind="key", symbol="backspace", symbol_px=28)
        erase.setAccessibleName(self.tr("Delete the last digit"))
        erase.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        erase.setAutoDefault(False)
        erase.clicked.connect(self._on_backspace)
        grid.addWidget(self._key("0"), 3, 1)
        grid.addWidget(erase, 3, 2)
        return grid

    def _key(self, digit: str) -> Button:
        button = Button(digit, kind="key")
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.setAutoDefault(False)
        button.clicked.connect(lambda: self.press(digit))
        return button

    def _on_backspace(self) -> None:
        if not self._is_busy:
            self._digits = self._digits[:-1]
            self._show_digits()

    def _show_digits(self) -> None:
        filled = "●  " * len(self._digits)
        empty = "○  " * max(0, MIN_DIGITS - len(self._digits))
        self.dots.setText((filled + empty).strip())
        self.dots.setAccessibleName(
            self.tr("{count} digits entered").format(count=len(self._digits))
        )
        self.ok_button.setEnabled(not self._is_busy and len(self._digits) >= MIN_DIGITS)

    def _on_ok(self) -> None:
        if self._is_busy:
            return
        if len(self._digits) < MIN_DIGITS:
            self.say(self.tr("The PIN has at least {count} digits.").format(count=MIN_DIGITS))
            return
        self.pin_entered(self._digits)


class AskPinDialog(PinDialog):
    """Accepted once the PIN was right. The check runs in the storage thread and slows down."""

    def __init__(self, store: PinStore, parent: QWidget | None = None) -> None:
        super().__init__(title="", sentence="", parent=parent)
        self.setWindowTitle(self.tr("PIN for the desk"))
        self.title.setText(self.tr("PIN for the desk"))
        self.sentence.setText(self.tr("The desk is for the people who run this kiosk."))
        self._store = store

    def pin_entered(self, pin: str) -> None:
        self.set_busy(busy=True)
        on_done(self._store.check_operator_pin(pin), self._on_checked, self._on_failed, owner=self)

    def _on_checked(self, right: bool) -> None:  # noqa: FBT001 - what the future carries
        self.set_busy(busy=False)
        self.clear_digits()
        if right:
            self.accept()
        else:
            self.say(self.tr("This PIN is wrong. Try again."))

    def _on_failed(self, error: KnownError) -> None:
        self.set_busy(busy=False)
        self.clear_digits()
        self.say(str(error))


class SetPinDialog(PinDialog):
    """Accepted once a new PIN was entered twice and stored."""

    def __init__(self, store: PinStore, parent: QWidget | None = None) -> None:
        super().__init__(title="", sentence="", parent=parent)
        self.setWindowTitle(self.tr("Choose a PIN"))
        self._store = store
        self._first = ""
        self.cancel_button.setText(self.tr("Later"))
        self._ask_first()

    def _ask_first(self) -> None:
        self._first = ""
        self.title.setText(self.tr("Choose a PIN"))
        self.sentence.setText(
            self.tr("4 to 12 digits. It protects the desk: enrolment, punches and settings.")
        )
        self.clear_digits()

    def pin_entered(self, pin: str) -> None:
        if not self._first:
            self._first = pin
            self.title.setText(self.tr("Enter it once more"))
            self.sentence.setText(self.tr("So that a slip of the finger locks nobody out."))
            fit_height(self)
            self.clear_digits()
            return
        if pin != self._first:
            self._ask_first()
            self.say(self.tr("The two PINs were not the same. Choose again."))
            return
        self.set_busy(busy=True)
        on_done(
            self._store.set_operator_pin(pin, operator=SET_BY),
            self._on_stored,
            self._on_failed,
            owner=self,
        )

    def _on_stored(self, _nothing: object) -> None:
        self.accept()

    def _on_failed(self, error: KnownError) -> None:
        self.set_busy(busy=False)
        self._ask_first()
        self.say(str(error))
