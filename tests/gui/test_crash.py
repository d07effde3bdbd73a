"""Bugs, in slots and in threads, reach the log and the crash dialogue; then the program ends."""

import logging
import sys
import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject, QTimer, Signal, qWarning
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from attendance.errors import StorageError
from gui.bridge import on_done
from gui.crash import CLOSES_AFTER_S, EXIT_CRASHED, CrashGuard
from tests.gui.fakes import failed
from tests.gui.hands import click

pytestmark = pytest.mark.qt_no_exception_capture


class Sender(QObject):
    sent = Signal()


@pytest.fixture
def codes() -> list[int]:
    return []


@pytest.fixture
def guard(qtbot: QtBot, codes: list[int]) -> Iterator[CrashGuard]:
    made = CrashGuard(end=codes.append)
    made.install()
    yield made
    made.remove()


def bug() -> None:
    raise ZeroDivisionError("an example")


def test_an_exception_in_a_slot_opens_the_dialogue_and_ends_the_program(
    qtbot: QtBot, guard: CrashGuard, codes: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    sender = Sender()
    sender.sent.connect(bug)
    sender.sent.emit()
    qtbot.waitUntil(lambda: guard.dialog is not None)
    assert guard.dialog is not None
    assert "ZeroDivisionError: an example" in guard.dialog.details.toPlainText()
    assert "No stored punch is lost" in guard.dialog.sentence.text()
    assert any(record.exc_info for record in caplog.records if record.levelno == logging.CRITICAL)
    assert codes == []
    guard.dialog.close_button.click()
    assert codes == [EXIT_CRASHED]


def test_an_exception_behind_a_button_reaches_the_dialogue(
    qtbot: QtBot, guard: CrashGuard, codes: list[int]
) -> None:
    button = QPushButton()
    qtbot.addWidget(button)
    button.clicked.connect(bug)
    click(button)
    qtbot.waitUntil(lambda: guard.dialog is not None)


def test_an_exception_in_a_timer_reaches_the_dialogue(qtbot: QtBot, guard: CrashGuard) -> None:
    QTimer.singleShot(0, bug)
    qtbot.waitUntil(lambda: guard.dialog is not None)


def test_an_exception_in_a_thread_reaches_the_dialogue(qtbot: QtBot, guard: CrashGuard) -> None:
    thread = threading.Thread(target=bug, name="clockface-example")
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: guard.dialog is not None)


def test_an_exception_in_a_future_reaches_the_dialogue(qtbot: QtBot, guard: CrashGuard) -> None:
    owner = QObject()
    on_done(failed(ZeroDivisionError()), lambda _value: None, owner=owner)
    qtbot.waitUntil(lambda: guard.dialog is not None)


def test_only_the_first_bug_is_shown(qtbot: QtBot, guard: CrashGuard) -> None:
    sender = Sender()
    sender.sent.connect(bug)
    sender.sent.emit()
    qtbot.waitUntil(lambda: guard.dialog is not None)
    first = guard.dialog
    sender.sent.emit()
    qtbot.wait(1)
    assert guard.dialog is first


def test_nobody_has_to_click_on_an_unattended_kiosk(
    qtbot: QtBot, guard: CrashGuard, codes: list[int]
) -> None:
    sender = Sender()
    sender.sent.connect(bug)
    sender.sent.emit()
    qtbot.waitUntil(lambda: guard.dialog is not None)
    assert guard.dialog is not None
    for _ in range(CLOSES_AFTER_S):
        guard.dialog._timer.timeout.emit() if guard.dialog is not None else None
    assert codes == [EXIT_CRASHED]


def test_a_known_error_is_a_sentence_and_the_program_goes_on(
    qtbot: QtBot, guard: CrashGuard, codes: list[int]
) -> None:
    owner = QObject()
    error = StorageError("The disk is full.", action="Tell HR.")
    on_done(failed(error), lambda _value: None, owner=owner)
    qtbot.waitUntil(lambda: guard.dialog is not None)
    assert guard.dialog is not None
    assert guard.dialog.sentence.text() == "The disk is full. Tell HR."
    assert not guard.dialog.details.isVisible()
    guard.dialog.close_button.click()
    assert codes == []
    assert guard.dialog is None


def test_ctrl_c_ends_the_program_without_a_dialogue(
    qtbot: QtBot, guard: CrashGuard, codes: list[int]
) -> None:
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert codes == [130]
    assert guard.dialog is None


@pytest.mark.qt_no_exception_capture
def test_messages_of_qt_go_to_the_log(
    qtbot: QtBot, guard: CrashGuard, caplog: pytest.LogCaptureFixture
) -> None:
    qWarning("an example of Qt")
    assert "an example of Qt" in caplog.text


def test_the_hooks_from_before_are_put_back(qtbot: QtBot) -> None:
    before = sys.excepthook, threading.excepthook
    guard = CrashGuard(end=lambda _code: None)
    guard.install()
    assert (sys.excepthook, threading.excepthook) != before
    guard.remove()
    assert (sys.excepthook, threading.excepthook) == before
