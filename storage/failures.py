"""What goes wrong between the program and its database, as sentences a person can act on."""

import errno
import shutil
import sqlite3
from pathlib import Path

from attendance.errors import StorageError


class DiskFullError(StorageError):
    """The disk that holds the data directory is full."""

    code = "disk-full"


class ReadOnlyError(StorageError):
    """The data directory or the database cannot be written."""

    code = "read-only"


class DamagedError(StorageError):
    """The database file is damaged, or is no database of Clockface."""

    code = "damaged-database"


class NewerDatabaseError(StorageError):
    """The database was written by a newer Clockface."""

    code = "newer-database"


class InUseError(StorageError):
    """Another program already works with this data directory."""

    code = "in-use"


class NotActiveError(StorageError):
    """Nobody was punched: the person is unknown, inactive or erased."""

    code = "person-not-active"


class ClosedError(StorageError):
    """The store was asked for something after it was closed."""

    code = "store-closed"


# The file of shared memory beside a database in WAL mode begins with this size.
_LEAST_ROOM_BYTES = 32_768
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


def from_sqlite(error: sqlite3.Error, *, database: Path) -> StorageError | None:
    """Return the sentence for what the environment did to the database.

    None when the error is a bug of the program (wrong SQL, a broken constraint).
    """
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    primary = code & 0xFF
    if primary in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and _has_no_room(database):
        return disk_full(database)
    match primary:
        case sqlite3.SQLITE_FULL:
            return disk_full(database)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return read_only(database)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return damaged(database, detail=str(error))
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED | sqlite3.SQLITE_PROTOCOL:
            return InUseError(
                f"Another program holds the database {database}.",
                action="Close the other program (a database viewer, a backup) and try again.",
            )
        case sqlite3.SQLITE_CANTOPEN:
            return StorageError(
                f"The database {database} cannot be opened.",
                action="Check that its folder exists and may be read and written.",
            )
        case sqlite3.SQLITE_IOERR:
            return StorageError(
                f"The disk did not read or write the database {database} ({_name(error)}).",
                action="Check the disk and its free space; nothing of this step was stored.",
            )
        case sqlite3.SQLITE_NOMEM:
            return StorageError(
                "There is not enough memory for the database.", action="Close other programs."
            )
        case _:
            return None


def from_os(error: OSError, *, path: Path, doing: str) -> StorageError:
    """Return the sentence for a file or folder that cannot be used.

    doing: what was being done, for example "write the export".
    """
    if error.errno in _FULL:
        return DiskFullError(
            f"The disk is full: Clockface cannot {doing} ({path}).",
            action="Free some space and try again.",
        )
    if error.errno in _READ_ONLY:
        return ReadOnlyError(
            f"Clockface may not {doing} ({path}): {_reason(error)}.",
            action="Choose another place or change its permissions; close programs that use it.",
        )
    return StorageError(
        f"Clockface cannot {doing} ({path}): {_reason(error)}.",
        action="Check that the folder exists and that the disk works.",
    )


def disk_full(database: Path) -> DiskFullError:
    """Return the error for a database that cannot grow."""
    return DiskFullError(
        f"The disk is full: nothing was stored in {database}.",
        action="Free some space; Clockface goes on by itself.",
    )


def read_only(database: Path) -> ReadOnlyError:
    """Return the error for a database that cannot be written."""
    return ReadOnlyError(
        f"The database {database} cannot be written.",
        action="Check the permissions of the data directory, or choose another with --data-dir.",
    )


def damaged(database: Path, *, detail: str) -> DamagedError:
    """Return the error for a database that SQLite cannot trust."""
    return DamagedError(
        f"The database {database} is damaged or is not a database of Clockface ({detail}).",
        action=(
            "Nothing was changed. Move the file away and put a copy in its place, "
            f"for example the newest of {database.parent / 'backups'}."
        ),
    )


def _has_no_room(database: Path) -> bool:
    try:
        return shutil.disk_usage(database.parent).free < _LEAST_ROOM_BYTES
    except OSError:
        return False


def _name(error: sqlite3.Error) -> str:
    return str(getattr(error, "sqlite_errorname", "") or error)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
