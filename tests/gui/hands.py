"""What a person does with a window: click, press a key, type."""

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget


def click(widget: QWidget) -> None:
    """Click into the middle of the widget."""
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def press(widget: QWidget, key: Qt.Key) -> None:
    QTest.keyClick(widget, key)


def type_keys(widget: QWidget, text: str) -> None:
    QTest.keyClicks(widget, text)
