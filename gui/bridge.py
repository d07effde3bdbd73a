"""From worker threads into the GUI thread, and nothing else.

Worker threads call `Bridge.post_…`; Qt queues the signal and runs the slots in the GUI thread.
Pictures do not come this way: the kiosk asks for the newest one (FramePump), so that Qt's queue
cannot grow.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import TypeVar

import shiboken6
from PySide6.QtCore import QCoreApplication, QObject, Qt, Signal

from attendance.errors import KnownError

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Bridge(QObject):
    """Carries what happened to the windows. Owned by the GUI thread.

    event_posted: a kiosk event (attendance.kiosk). status_posted: an EngineStatus.
    settings_changed: the new Settings (emitted in the GUI thread).
    """

    event_posted = Signal(object)
    status_posted = Signal(object)
    settings_changed = Signal(object)

    def post_event(self, event: object) -> None:
        """Hand a kiosk event to the windows; from any thread."""
        _emit(self, "event_posted", event)

    def post_status(self, status: object) -> None:
        """Hand an engine status to the windows; from any thread."""
        _emit(self, "status_posted", status)


def _emit(bridge: Bridge, signal: str, payload: object) -> None:
    if not shiboken6.isValid(bridge):
        return
    try:
        getattr(bridge, signal).emit(payload)
    except RuntimeError:  # the window system went away between the question and the call
        logger.debug("Nobody is left to hear %s", signal)


class _Dispatcher(QObject):
    """Runs callables in the GUI thread; one for each application, child of it."""

    posted = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.posted.connect(self._on_posted, Qt.ConnectionType.QueuedConnection)

    def _on_posted(self, run: Callable[[], None]) -> None:
        run()


def _dispatcher() -> _Dispatcher:
    application = QCoreApplication.instance()
    if application is None:
        raise RuntimeError("on_done needs a Qt application")
    for child in application.children():
        if isinstance(child, _Dispatcher):
            return child
    return _Dispatcher(application)


def on_done(
    future: "Future[T]",
    callback: Callable[[T], None],
    on_error: Callable[[KnownError], None] | None = None,
    *,
    owner: QObject,
) -> None:
    """Call back in the GUI thread when the future is done; call this in the GUI thread.

    Nothing is called once `owner` (the window that asked) is gone, or if the future was cancelled.
    on_error gets a KnownError. A KnownError nobody takes and every other exception are raised in
    the GUI thread and so reach the crash dialogue.
    """
    dispatcher = _dispatcher()

    def deliver() -> None:
        if not shiboken6.isValid(owner):
            return
        try:
            value = future.result()
        except CancelledError:
            return
        except KnownError as error:
            if on_error is None:
                raise
            on_error(error)
            return
        callback(value)

    def post(_done: "Future[T]") -> None:
        if not shiboken6.isValid(dispatcher):
            return
        try:
            dispatcher.posted.emit(deliver)
        except RuntimeError:  # the application went away between the question and the call
            logger.debug("A result came after the windows had gone")

    future.add_done_callback(post)


def in_background(work: Callable[[], T], *, name: str) -> "Future[T]":
    """Run slow work (listing cameras, reading photos) in its own daemon thread."""
    future: Future[T] = Future()

    def run() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - the thread's edge: the future carries it
            future.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
