"""Fixtures of the wizard's and the desk's tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from tests.gui.desk.scene import STORE_DIR, Scene, add_people, add_punches, make_scene


@pytest.fixture
def scene(tmp_path: Path, qapp: QApplication) -> Iterator[Scene]:
    """Services on an empty store."""
    made = make_scene(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="session")
def staffed_dir(tmp_path_factory: pytest.TempPathFactory, qapp: QApplication) -> Path:
    """A data directory with twelve people and three days of punches, to be copied."""
    folder = tmp_path_factory.mktemp("staffed")
    made = make_scene(folder)
    add_people(made)
    add_punches(made, days=2)
    made.close()
    return folder / STORE_DIR


@pytest.fixture
def staffed(staffed_dir: Path, tmp_path: Path, qapp: QApplication) -> Iterator[Scene]:
    """Services on a store with twelve people and three days of punches."""
    shutil.copytree(staffed_dir, tmp_path / STORE_DIR)
    made = make_scene(tmp_path)
    yield made
    made.close()
