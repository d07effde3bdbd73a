"""Drives the real windows of a running program from inside its event loop."""

import time
from collections.abc import Callable, Generator
from typing import TypeVar

from PySide6.QtCore import QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLineEdit, QWidget

STEP_MS = 40
DEADLINE_S = 120.0

Condition = Callable[[], object]
Script = Generator[tuple[str, Condition], None, None]
WidgetT = TypeVar("WidgetT", bound=QWidget)


class Robot:
    """Runs a script of waits: each `yield "what", condition` goes on once the condition holds.

    A script that fails, or waits in vain, ends the program; `check` then raises what it was.
    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self._waiting: tuple[str, Condition] | None = None
        self._failure: BaseException | None = None
        self._finished = False
        self._until_s = 0.0
        self._timer = QTimer()
        self._timer.setInterval(STEP_MS)
        self._timer.timeout.connect(self._on_tick)

    def start(self) -> None:
        self._timer.start()

    def check(self) -> None:
        """Raise what went wrong, if anything did."""
        self._timer.stop()
        if self._failure is not None:
            raise self._failure
        assert self._finished, "the program ended before the script did"

    def _on_tick(self) -> None:
        try:
            if self._waiting is not None:
                what, condition = self._waiting
                if not condition():
                    assert time.monotonic() < self._until_s, f"waited in vain for: {what}"
                    return
            self._waiting = next(self._script)
            self._until_s = time.monotonic() + DEADLINE_S
        except StopIteration:
            self._finished = True
            self._end()
        except BaseException as error:  # noqa: BLE001 - raised again by check()
            self._failure = error
            self._end()

    def _end(self) -> None:
        self._timer.stop()
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.exit(0)


def window(kind: type[WidgetT]) -> WidgetT | None:
    """Return the visible top-level or nested widget of this kind, if there is one."""
    for top in QApplication.topLevelWidgets():
        for widget in (top, *top.findChildren(kind)):
            if isinstance(widget, kind) and widget.isVisible():
                return widget
    return None


def visible(kind: type[WidgetT]) -> WidgetT:
    found = window(kind)
    assert found is not None, f"no {kind.__name__} is shown"
    return found


def type_into(field: QLineEdit, text: str) -> None:
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, text)


def press(button: QWidget) -> None:
    assert button.isVisible(), "the button is not shown"
    assert button.isEnabled(), "the button is grey"
    if isinstance(button, QAbstractButton):
        button.click()
