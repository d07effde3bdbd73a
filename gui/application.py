"""The Qt application: made once, given its look, run with the kiosk's window."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import shiboken6
from PySide6.QtCore import QObject, QSize, Qt
from PySide6.QtGui import QGuiApplication, QIcon
from PySide6.QtWidgets import QApplication

from attendance.config import Settings
from gui.crash import CrashGuard
from gui.icons import SYMBOLS_DIR
from gui.kiosk_window import EXIT_DEMO_WANTED, EXIT_FAULT, KioskWindow
from gui.services import Services
from gui.theme import apply_look, theme_named

__all__ = ["EXIT_DEMO_WANTED", "EXIT_FAULT", "make_application", "run_kiosk"]

WINDOW_SIZE_PX = (1280, 800)


def make_application() -> QApplication:
    """Return the application, made now unless there is one."""
    application = QApplication.instance()
    if not isinstance(application, QApplication):
        application = QApplication([sys.argv[0] if sys.argv else "clockface"])
        application.setStyle("Fusion")
    application.setApplicationName("Clockface")
    application.setApplicationDisplayName("Clockface")
    application.setDesktopFileName("clockface")
    application.setWindowIcon(QIcon(str(SYMBOLS_DIR / "clockface-logo.svg")))
    return application


class LookKeeper(QObject):
    """Keeps the look in step with the settings and with the desktop's light or dark."""

    def __init__(
        self, application: QApplication, *, services: Services, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._application = application
        self._services = services
        self._last: tuple[str, bool] | None = None
        services.bridge.settings_changed.connect(self._on_settings_changed)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_scheme_changed)
        self._apply(services.settings)

    def _on_settings_changed(self, settings: Settings) -> None:
        self._apply(settings)

    def _on_scheme_changed(self, _scheme: Qt.ColorScheme) -> None:
        self._apply(self._services.settings)

    def _apply(self, settings: Settings) -> None:
        theme = theme_named(settings.look.theme)
        wanted = (theme.name, settings.look.reduce_motion)
        if wanted != self._last:
            self._last = wanted
            apply_look(self._application, theme=theme, reduce_motion=settings.look.reduce_motion)


def run_kiosk(services: Services) -> int:
    """Open the kiosk's window and run until it is left; returns the program's exit code.

    0: closed. EXIT_DEMO_WANTED: somebody chose the demo. EXIT_FAULT: a part of the program fails
    again and again, a new start is wanted. 70: a bug. 130: interrupted. Engine and store are the
    caller's: it starts the engine before and stops both afterwards.
    """
    application = make_application()
    keeper = LookKeeper(application, services=services)
    guard = CrashGuard(log_dir=services.data_dir / "logs")
    guard.install()
    window = KioskWindow(services)
    window.exit_requested.connect(application.exit)
    screen = window.screen().geometry()
    window.resize(QSize(*WINDOW_SIZE_PX).boundedTo(screen.size()))
    if services.settings.look.full_screen:
        window.setGeometry(screen)  # where no window manager does it
        window.showFullScreen()
    else:
        window.show()
    window.start()
    try:
        with _ended_by_sigterm(application):
            return application.exec()
    finally:
        window.close()
        for owned in (window, keeper):
            shiboken6.delete(owned)
        guard.remove()


@contextmanager
def _ended_by_sigterm(application: QApplication) -> Iterator[None]:
    """Close in order when a service manager says so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        application.exit(0)

    # Python runs it at the next tick of the window's timers.
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
