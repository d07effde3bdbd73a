"""Erased means erased: also out of the backups that migrations left beside the database."""

import contextlib
import sqlite3
from pathlib import Path

from attendance.errors import StorageError
from storage.database import backups


def erase_from_backups(data_dir: Path, staff_id: str) -> None:
    """Remove a person's templates from every backup, overwriting them.

    Raises StorageError naming the backups that could not be changed, after trying all.
    """
    failed = []
    for backup in backups(data_dir):
        try:
            _erase_from(backup, staff_id)
        except sqlite3.Error:
            failed.append(backup.name)
    if failed:
        raise StorageError(
            f"The templates of {staff_id} are erased from the database, but not from the backups "
            f"{', '.join(failed)} in {data_dir / 'backups'}.",
            action="Delete these files by hand.",
        )


def _erase_from(backup: Path, staff_id: str) -> None:
    with contextlib.closing(sqlite3.connect(backup, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA synchronous = FULL")
        # No rollback journal is left behind that would still hold what was erased.
        connection.execute("PRAGMA journal_mode = MEMORY")
        connection.execute("DELETE FROM templates WHERE staff_id = ?", (staff_id,))
