"""Fixtures every folder shares."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PORTRAITS_DIR = REPOSITORY / "inference" / "portraits"

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real pairs, crops and clips; skips where it is missing, fails in CI."""
    folder = Path(os.environ.get("CLOCKFACE_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        reason = f"the development data is not at {folder} (set CLOCKFACE_SHARED_DATA)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
