"""The application as main.py runs it: opened, left, and nothing of it stays behind."""

import sys
import threading
from collections.abc import Callable

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from gui.application import EXIT_DEMO_WANTED, make_application, run_kiosk
from gui.kiosk_window import KioskWindow
from gui.theme import look
from tests.gui.fakes import Fakes


def kiosk_window() -> KioskWindow:
    found = [w for w in QApplication.topLevelWidgets() if isinstance(w, KioskWindow)]
    return next(window for window in found if window.isVisible())


def run_and(fakes: Fakes, act: Callable[[KioskWindow], object]) -> int:
    QTimer.singleShot(0, lambda: act(kiosk_window()))
    return run_kiosk(fakes.services)


def test_closing_the_window_ends_the_program_in_good_order(
    qapp: QApplication, fakes: Fakes
) -> None:
    hooks = sys.excepthook, threading.excepthook
    threads = set(threading.enumerate())
    assert run_and(fakes, KioskWindow.close) == 0
    assert not [w for w in QApplication.topLevelWidgets() if isinstance(w, KioskWindow)]
    assert (sys.excepthook, threading.excepthook) == hooks
    assert set(threading.enumerate()) == threads


def test_the_demo_is_wanted_by_its_exit_code_and_a_second_run_works(
    qapp: QApplication, fakes: Fakes
) -> None:
    leave = lambda window: window.exit_requested.emit(EXIT_DEMO_WANTED)  # noqa: E731
    assert run_and(fakes, leave) == EXIT_DEMO_WANTED
    assert run_and(fakes, KioskWindow.close) == 0


def test_the_window_fills_the_screen_if_it_is_set_so(qapp: QApplication, fakes: Fakes) -> None:
    seen = list[bool]()

    def look_and_leave(window: KioskWindow) -> None:
        seen.append(window.isFullScreen())
        window.close()

    run_and(fakes, look_and_leave)
    fakes.services.change_settings({"look.full_screen": False})
    run_and(fakes, look_and_leave)
    assert seen == [True, False]


def test_the_theme_of_the_settings_is_used_and_changes_with_them(
    qapp: QApplication, fakes: Fakes
) -> None:
    seen = list[tuple[str, bool]]()
    fakes.services.change_settings({"look.theme": "dark", "look.reduce_motion": True})

    def change_and_leave(window: KioskWindow) -> None:
        seen.append((look().theme.name, look().reduce_motion))
        fakes.services.change_settings({"look.theme": "contrast", "look.reduce_motion": False})
        seen.append((look().theme.name, look().reduce_motion))
        window.close()

    run_and(fakes, change_and_leave)
    assert seen == [("dark", True), ("contrast", False)]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send to oneself")
def test_a_service_manager_ends_the_program_in_good_order(qapp: QApplication, fakes: Fakes) -> None:
    import signal

    before = signal.getsignal(signal.SIGTERM)
    assert run_and(fakes, lambda _window: signal.raise_signal(signal.SIGTERM)) == 0
    assert signal.getsignal(signal.SIGTERM) is before


def test_there_is_only_ever_one_application(qapp: QApplication) -> None:
    assert make_application() is make_application()
