"""Fixtures of this folder."""

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from gui.wizard import live_looker
from tests.gui.desk.fixtures import scene, staffed, staffed_dir
from tests.gui.desk.scene import Scene
from tests.gui.wizard.driver import Driver

__all__ = ["driver", "quick_looks", "scene", "staffed", "staffed_dir"]


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often: holds count in the frames' own time, not in the test's."""
    monkeypatch.setattr(live_looker, "READ_EVERY_MS", 2)


@pytest.fixture
def driver(qtbot: QtBot, scene: Scene) -> Iterator[Driver]:
    """A wizard for somebody new, on an empty store."""
    made = Driver(qtbot, scene)
    yield made
    made.wizard.done(0)
