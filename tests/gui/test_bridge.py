"""What comes from other threads arrives in the GUI thread, or not at all."""

import sys
import threading
from concurrent.futures import Future

import pytest
from PySide6.QtCore import QObject, Signal
from pytestqt.qtbot import QtBot

from attendance.errors import KnownError, StorageError
from gui.bridge import Bridge, in_background, on_done
from tests.gui.fakes import done, failed


class Sender(QObject):
    sent = Signal(object)


def test_a_result_is_delivered_in_the_gui_thread(qtbot: QtBot) -> None:
    owner, seen = QObject(), list[tuple[int, threading.Thread]]()
    future = in_background(lambda: 42, name="test-worker")
    on_done(future, lambda value: seen.append((value, threading.current_thread())), owner=owner)
    qtbot.waitUntil(lambda: bool(seen))
    assert seen == [(42, threading.main_thread())]


def test_a_future_that_is_done_already_is_delivered_later_not_at_once(qtbot: QtBot) -> None:
    owner, seen = QObject(), list[int]()
    on_done(done(1), seen.append, owner=owner)
    assert seen == []
    qtbot.waitUntil(lambda: seen == [1])


def test_a_known_error_goes_to_whoever_takes_it(qtbot: QtBot) -> None:
    owner, seen = QObject(), list[KnownError]()
    error = StorageError("The disk is full.")
    on_done(failed(error), lambda _value: None, seen.append, owner=owner)
    qtbot.waitUntil(lambda: seen == [error])


def test_a_bug_in_a_worker_is_raised_in_the_gui_thread(qtbot: QtBot) -> None:
    owner = QObject()
    with qtbot.captureExceptions() as caught:
        on_done(failed(ZeroDivisionError()), lambda _value: None, lambda _e: None, owner=owner)
        qtbot.waitUntil(lambda: bool(caught))
    assert caught[0][0] is ZeroDivisionError


def test_a_known_error_nobody_takes_is_raised_in_the_gui_thread(qtbot: QtBot) -> None:
    owner = QObject()
    with qtbot.captureExceptions() as caught:
        on_done(failed(StorageError("No.")), lambda _value: None, owner=owner)
        qtbot.waitUntil(lambda: bool(caught))
    assert caught[0][0] is StorageError


def test_nothing_is_called_once_the_window_that_asked_is_gone(qtbot: QtBot) -> None:
    import shiboken6

    owner, other, seen = QObject(), QObject(), list[str]()
    future: Future[str] = Future()
    on_done(future, lambda _value: seen.append("gone"), owner=owner)
    on_done(future, lambda _value: seen.append("here"), owner=other)
    shiboken6.delete(owner)
    future.set_result("x")
    qtbot.waitUntil(lambda: bool(seen))
    assert seen == ["here"]


def test_a_cancelled_future_calls_nothing(qtbot: QtBot) -> None:
    owner, seen = QObject(), list[str]()
    cancelled: Future[str] = Future()
    cancelled.cancel()
    on_done(cancelled, lambda _value: seen.append("cancelled"), owner=owner)
    on_done(done("next"), seen.append, owner=owner)
    qtbot.waitUntil(lambda: bool(seen))
    assert seen == ["next"]


def test_events_from_a_worker_keep_their_order(qtbot: QtBot) -> None:
    bridge, seen = Bridge(), list[object]()
    bridge.event_posted.connect(seen.append)

    def post_all() -> None:
        for number in range(50):
            bridge.post_event(number)

    worker = threading.Thread(target=post_all)
    worker.start()
    qtbot.waitUntil(lambda: len(seen) == 50)
    worker.join()
    assert seen == list(range(50))


def test_a_bridge_that_is_gone_swallows_what_is_posted(qtbot: QtBot) -> None:
    import shiboken6

    bridge = Bridge()
    shiboken6.delete(bridge)
    bridge.post_event("late")
    bridge.post_status("late")


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="True is immortal from Python 3.12 on")
def test_emitting_a_signal_does_not_use_up_true(qtbot: QtBot) -> None:
    """PySide6 6.12.0 drops a reference to True in each emit() and aborts the program in the end."""
    sender = Sender()
    sender.sent.emit("first")
    before = sys.getrefcount(True)
    for _ in range(100):
        sender.sent.emit("again")
    assert sys.getrefcount(True) > before - 50
