"""Mouse and keyboard, typed."""

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget


def click(widget: QWidget) -> None:
    """Press and release the left button in the middle of the widget."""
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def press_key(widget: QWidget, key: Qt.Key, *, control: bool = False) -> None:
    modifiers = Qt.KeyboardModifier
    QTest.keyClick(widget, key, modifiers.ControlModifier if control else modifiers.NoModifier)


def type_text(widget: QWidget, text: str) -> None:
    QTest.keyClicks(widget, text)
