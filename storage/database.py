"""Opening the database file: checks before anything is written, backup, migrations, pragmas."""

import contextlib
import logging
import os
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from sqlite_utils import Database, Migrations

from attendance.errors import StorageError
from attendance.ports import Clock
from storage.failures import NewerDatabaseError, damaged, from_os, from_sqlite
from storage.schema import APPLICATION_ID, MIGRATIONS

DATABASE_FILE = "clockface.db"
BACKUP_DIR = "backups"
BUSY_TIMEOUT_MS = 5_000

_HEADER = struct.Struct(">16s H 10x I")  # magic, page size, number of pages
_MAGIC = b"SQLite format 3\x00"

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def known_failures(database: Path) -> Iterator[None]:
    """Turn what the environment does to SQLite into StorageError; a bug stays what it is."""
    try:
        yield
    except sqlite3.Error as error:
        known = from_sqlite(error, database=database)
        if known is None:
            raise
        raise known from error


@contextlib.contextmanager
def transaction(db: Database) -> Iterator[None]:
    """One IMMEDIATE transaction: committed at the end, rolled back on any exception."""
    db.conn.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.conn.execute("COMMIT")
    except BaseException:
        if db.conn.in_transaction:
            db.conn.execute("ROLLBACK")
        raise


def prepare_data_dir(data_dir: Path) -> None:
    """Make the data directory, readable by its owner only.

    Raises StorageError if it cannot be made or is no folder.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError as error:
        raise StorageError(
            f"{data_dir} is a file, not a folder.", action="Choose another with --data-dir."
        ) from error
    except OSError as error:
        raise from_os(error, path=data_dir, doing="make the data directory") from error


def open_for_writing(
    data_dir: Path,
    *,
    clock: Clock,
    keep_backups: int,
    check_whole: bool = False,
    migrations: Migrations = MIGRATIONS,
) -> Database:
    """Open, check, back up if a migration is due, migrate. To be called with the lock held.

    check_whole: read every page first, because the last program did not close the database.
    Raises NewerDatabaseError, DamagedError or another StorageError; a file that is refused has not
    been changed.
    """
    path = data_dir / DATABASE_FILE
    with known_failures(path):
        if _has_content(path):
            _check_length(path)
            with contextlib.closing(_connect(path, mode="ro")) as connection:
                db = Database(connection, execute_plugins=False)
                _check_ours(db, path=path, migrations=migrations)
                if check_whole:
                    _check_pages(db, path=path)
                if migrations.pending(db):
                    _back_up(db, data_dir, clock=clock, keep_backups=keep_backups)
        try:
            # SQLite would quietly open a file that may only be read, and fail at the first punch.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise from_os(error, path=path, doing="write the database") from error
        return _open_and_migrate(path, migrations=migrations)


def open_for_reading(data_dir: Path, *, migrations: Migrations = MIGRATIONS) -> Database:
    """Open a database that this program will not change, also while another one writes it.

    Raises StorageError if there is none, or if it first has to be migrated.
    """
    path = data_dir / DATABASE_FILE
    if not _has_content(path):
        raise StorageError(
            f"There is no database in {data_dir} yet.",
            action="Start Clockface there once, or choose another folder with --data-dir.",
        )
    with known_failures(path):
        _check_length(path)
        db = Database(_connect_for_reading(path), execute_plugins=False)
        try:
            _check_ours(db, path=path, migrations=migrations)
            _check_current(db, path=path, migrations=migrations)
        except BaseException:
            db.close()
            raise
        return db


def backups(data_dir: Path) -> tuple[Path, ...]:
    """Return the backups of this data directory, oldest first."""
    return tuple(sorted((data_dir / BACKUP_DIR).glob("*.db")))


def _open_and_migrate(path: Path, *, migrations: Migrations) -> Database:
    db = Database(_connect(path, mode="rw"), execute_plugins=False, strict=True)
    try:
        db.conn.execute("PRAGMA secure_delete = ON")
        journal = db.conn.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if journal != "wal":
            _log.warning("The file system allows no write-ahead log; journal mode is %s", journal)
        db.conn.execute("PRAGMA synchronous = FULL")
        db.conn.execute("PRAGMA fullfsync = ON")
        db.conn.execute("PRAGMA checkpoint_fullfsync = ON")
        db.conn.execute("PRAGMA foreign_keys = ON")
        for migration in migrations.pending(db):
            _log.info("Migrating the database: %s", migration.name)
        migrations.apply(db)
    except BaseException:
        db.close()
        raise
    return db


def _connect(path: Path, *, mode: str, extra: str = "") -> sqlite3.Connection:
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}{extra}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    return connection


def _connect_for_reading(path: Path) -> sqlite3.Connection:
    connection = _connect(path, mode="ro")
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except sqlite3.OperationalError as error:
        # A folder on read-only media has no room for the shared-memory file that WAL needs. With
        # no log left to read and nobody able to write, the file can be read as it stands.
        connection.close()
        log = path.with_name(path.name + "-wal")
        no_room = error.sqlite_errorcode & 0xFF in (
            sqlite3.SQLITE_CANTOPEN,
            sqlite3.SQLITE_READONLY,
        )
        if _has_content(log) or not no_room:
            raise
        connection = _connect(path, mode="ro", extra="&immutable=1")
    return connection


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False
    except OSError as error:
        raise from_os(error, path=path, doing="read the database") from error


def _check_length(path: Path) -> None:
    """Refuse a file that is no SQLite database or was cut short, without touching it."""
    try:
        with path.open("rb") as stream:
            header = stream.read(_HEADER.size)
        length = path.stat().st_size
    except OSError as error:
        raise from_os(error, path=path, doing="read the database") from error
    if len(header) < _HEADER.size or not header.startswith(_MAGIC):
        raise damaged(path, detail="it does not begin like one")
    _, page_size, pages = _HEADER.unpack(header)
    page_size = 65_536 if page_size == 1 else page_size
    if length < pages * page_size and not _has_content(path.with_name(path.name + "-wal")):
        raise damaged(path, detail=f"{length} bytes are left of {pages * page_size}")


def _check_ours(db: Database, *, path: Path, migrations: Migrations) -> None:
    application_id = db.conn.execute("PRAGMA application_id").fetchone()[0]
    tables = set(db.table_names()) - {migrations.migrations_table}
    if tables and application_id != APPLICATION_ID:
        raise damaged(path, detail="it belongs to another program")
    known = {migration.name for migration in migrations.pending(Database(memory=True))}
    unknown = [each.name for each in migrations.applied(db) if each.name not in known]
    if unknown:
        raise NewerDatabaseError(
            f"The database {path} was written by a newer Clockface ({unknown[-1]}).",
            action="Start that newer version, or choose another folder with --data-dir. "
            "Nothing was changed.",
        )


def _check_current(db: Database, *, path: Path, migrations: Migrations) -> None:
    if migrations.pending(db):
        raise StorageError(
            f"The database {path} was written by an older Clockface.",
            action="Start the kiosk once; it makes a backup and brings it up to date.",
        )


def _check_pages(db: Database, *, path: Path) -> None:
    _log.info("The last program did not close the database; checking it")
    result = db.conn.execute("PRAGMA quick_check(1)").fetchone()[0]
    if result != "ok":
        raise damaged(path, detail=str(result).splitlines()[-1])


def _back_up(db: Database, data_dir: Path, *, clock: Clock, keep_backups: int) -> None:
    """Copy the database, log included, before a migration; keep the newest few copies."""
    folder = data_dir / BACKUP_DIR
    stamp = clock.now_utc().strftime("%Y%m%dT%H%M%S.%fZ")
    target = folder / f"clockface-{stamp}.db"
    part = target.with_suffix(".part")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        with contextlib.closing(sqlite3.connect(part, isolation_level=None)) as copy:
            db.conn.backup(copy)
            # The copy stands alone: no write-ahead log beside it.
            copy.execute("PRAGMA journal_mode = DELETE")
        with part.open("r+b") as stream:
            os.fsync(stream.fileno())
        part.replace(target)
        for old in backups(data_dir)[:-keep_backups]:
            old.unlink()
    except sqlite3.Error as error:
        part.unlink(missing_ok=True)
        raise from_sqlite(error, database=target) or error from error
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise from_os(error, path=target, doing="back the database up") from error
    _log.info("Backed the database up to %s", target.name)
