"""Fixtures of this folder."""

from tests.gui.desk.fixtures import scene, staffed, staffed_dir

__all__ = ["scene", "staffed", "staffed_dir"]
