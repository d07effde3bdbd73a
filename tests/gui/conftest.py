"""Fixtures for the windows: stand-ins for everything below them, and one window on them."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.kiosk_window import KioskWindow
from gui.theme import THEMES, apply_look, look
from tests.gui.fakes import Fakes, done, make_services


@pytest.fixture(autouse=True)
def light_look(qapp: QApplication) -> Iterator[None]:
    """Every test begins in the light theme, without motion, and leaves no window behind.

    Windows left behind would be styled again with every change of theme: each test would be
    slower than the one before.
    """
    if look().theme is not THEMES["light"] or not qapp.styleSheet():
        apply_look(qapp, theme=THEMES["light"], reduce_motion=True)
    look().reduce_motion = True
    yield
    for widget in QApplication.topLevelWidgets():
        widget.close()
        widget.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    if QApplication.allWidgets():
        gc.collect()


@pytest.fixture
def fakes(qapp: QApplication, tmp_path: Path) -> Fakes:
    return make_services(tmp_path)


@pytest.fixture
def window(qtbot: QtBot, fakes: Fakes) -> Iterator[KioskWindow]:
    """A kiosk of 1280 × 800 that is shown and started."""
    made = KioskWindow(fakes.services, cameras=lambda: done(()))
    qtbot.addWidget(made)
    made.resize(1280, 800)
    made.show()
    made.start()
    qtbot.waitUntil(lambda: made.panel.time.text() != "")
    yield made
    made.close()
