"""Fixtures of this folder."""

import pytest

from gui.wizard import live_looker
from tests.gui.desk.fixtures import scene, staffed, staffed_dir

__all__ = ["quick_looks", "scene", "staffed", "staffed_dir"]


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often: holds count in the frames' own time, not in the test's."""
    monkeypatch.setattr(live_looker, "READ_EVERY_MS", 2)
