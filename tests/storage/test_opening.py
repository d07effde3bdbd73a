"""Opening: newer, foreign and damaged files stay untouched; a migration makes a backup first."""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database, Migrations

from attendance.errors import StorageError
from storage import database
from storage.database import backups
from storage.failures import DamagedError, DiskFullError, NewerDatabaseError
from storage.instance import PID_FILE
from storage.schema import MIGRATIONS
from storage.store import Store
from tests.storage.support import FakeClock, person, template


def with_one_more(name: str = "002_room_for_more", *, fails: bool = False) -> Migrations:
    """Return today's migrations and one of tomorrow."""
    tomorrow = Migrations("clockface")
    for migration in MIGRATIONS.pending(Database(memory=True)):
        tomorrow(name=migration.name)(migration.fn)

    @tomorrow(name=name)
    def add_column(db: Database) -> None:
        db.execute("ALTER TABLE people ADD COLUMN badge TEXT")
        if fails:
            raise sqlite3.OperationalError("the new version has a fault")

    return tomorrow


@pytest.fixture
def closed(tmp_path: Path, clock: FakeClock) -> Path:
    """The data directory of a kiosk that was used and closed."""
    data_dir = tmp_path / "data"
    with Store.open(data_dir, clock=clock) as store:
        for number in range(100):
            name = f"Person {number}"
            store.enrol(
                person(f"{number}", name=name), [template(f"{number}")], operator="t"
            ).result()
    return data_dir


@contextlib.contextmanager
def untouched(data_dir: Path) -> Iterator[Path]:
    """Fail if a byte of the database or a file beside it is different after.

    The lock file is there from trying; reading leaves an empty log and its shared memory.
    """

    def content() -> dict[str, bytes]:
        return {
            path.name: path.read_bytes()
            for path in data_dir.iterdir()
            if path.is_file()
            and path.suffix not in (".lock", ".db-shm")
            and (path.suffix != ".db-wal" or path.stat().st_size)
        }

    before = content()
    yield data_dir / "clockface.db"
    assert content() == before
    assert not (data_dir / "backups").exists()


def test_a_newer_database_is_refused_and_left_untouched(closed: Path, clock: FakeClock) -> None:
    database.open_for_writing(
        closed, clock=clock, keep_backups=5, migrations=with_one_more()
    ).close()
    shutil.rmtree(closed / "backups")
    with untouched(closed):
        for read_only in (False, True):
            with pytest.raises(NewerDatabaseError, match=r"newer Clockface \(002_room_for_more\)"):
                Store.open(closed, clock=clock, read_only=read_only)


def test_a_newer_database_whose_change_is_still_in_the_log_is_refused(
    closed: Path, clock: FakeClock, tmp_path: Path
) -> None:
    newer = database.open_for_writing(
        closed, clock=clock, keep_backups=5, migrations=with_one_more()
    )
    killed = tmp_path / "killed"
    killed.mkdir()
    for path in closed.glob("clockface.db*"):
        shutil.copy(path, killed)
    newer.close()
    assert (killed / "clockface.db-wal").stat().st_size > 0
    before = (killed / "clockface.db").read_bytes()
    with pytest.raises(NewerDatabaseError):
        Store.open(killed, clock=clock)
    assert (killed / "clockface.db").read_bytes() == before


def test_the_database_of_another_program_is_refused_and_left_untouched(
    tmp_path: Path, clock: FakeClock
) -> None:
    connection = sqlite3.connect(tmp_path / "clockface.db")
    connection.execute("CREATE TABLE music (title TEXT)")
    connection.commit()
    connection.close()
    with untouched(tmp_path), pytest.raises(DamagedError, match="another program"):
        Store.open(tmp_path, clock=clock)


@pytest.mark.parametrize("content", [b"\0", b"not a database " * 500, b"SQLite format 3\0"])
def test_a_file_that_is_no_database_is_refused_and_left_untouched(
    tmp_path: Path, clock: FakeClock, content: bytes
) -> None:
    (tmp_path / "clockface.db").write_bytes(content)
    with untouched(tmp_path), pytest.raises(DamagedError, match="does not begin like one"):
        Store.open(tmp_path, clock=clock)


def test_a_database_that_was_cut_short_is_refused_and_left_untouched(
    closed: Path, clock: FakeClock
) -> None:
    path = closed / "clockface.db"
    path.write_bytes(path.read_bytes()[:-4096])
    with untouched(closed), pytest.raises(DamagedError, match="bytes are left"):
        Store.open(closed, clock=clock)


def test_damage_is_found_when_the_last_program_was_killed(closed: Path, clock: FakeClock) -> None:
    path = closed / "clockface.db"
    content = bytearray(path.read_bytes())
    for page in range(1, len(content) // 4096):
        content[page * 4096 : page * 4096 + 8] = b"\xff" * 8
    path.write_bytes(content)
    (closed / PID_FILE).write_text("1\n")
    with pytest.raises(DamagedError, match="Move the file away"):
        Store.open(closed, clock=clock)
    assert path.read_bytes() == content


def test_damage_found_later_is_a_sentence_too(closed: Path, clock: FakeClock) -> None:
    connection = sqlite3.connect(closed / "clockface.db")
    (root,) = connection.execute(
        "SELECT rootpage FROM sqlite_master WHERE name = 'templates'"
    ).fetchone()
    connection.close()
    with (closed / "clockface.db").open("r+b") as stream:
        stream.seek((root - 1) * 4096)
        stream.write(b"\xff" * 100)
    with Store.open(closed, clock=clock) as store:
        with pytest.raises(DamagedError, match="damaged"):
            store.gallery_rows(model_id="any").result()
        assert store.departments().result() == ()


def test_an_empty_file_left_by_a_full_disk_becomes_a_database(
    tmp_path: Path, clock: FakeClock
) -> None:
    (tmp_path / "clockface.db").touch()
    with Store.open(tmp_path, clock=clock) as store:
        assert store.people().result() == ()


def test_a_start_that_was_interrupted_before_the_first_table_is_taken_up_again(
    tmp_path: Path, clock: FakeClock
) -> None:
    half = Database(tmp_path / "clockface.db")
    MIGRATIONS.ensure_migrations_table(half)
    half.close()
    with Store.open(tmp_path, clock=clock) as store:
        assert store.people().result() == ()


def test_opening_an_up_to_date_database_makes_no_backup(closed: Path, clock: FakeClock) -> None:
    Store.open(closed, clock=clock).close()
    assert backups(closed) == ()


def test_a_migration_makes_a_whole_backup_first(closed: Path, clock: FakeClock) -> None:
    db = database.open_for_writing(closed, clock=clock, keep_backups=5, migrations=with_one_more())
    assert "badge" in db["people"].columns_dict
    db.close()
    (backup,) = backups(closed)
    assert backup.name == "clockface-20260302T073000.000000Z.db"
    connection = sqlite3.connect(backup)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    columns = {row[1] for row in connection.execute("PRAGMA table_info(people)")}
    assert "badge" not in columns
    assert connection.execute("SELECT count(*) FROM people").fetchone() == (100,)
    connection.close()
    assert [path.name for path in (closed / "backups").iterdir()] == [backup.name]
    assert backup.stat().st_mode & 0o077 == 0


def test_a_backup_can_take_the_place_of_the_database(closed: Path, clock: FakeClock) -> None:
    database.open_for_writing(
        closed, clock=clock, keep_backups=5, migrations=with_one_more()
    ).close()
    (backup,) = backups(closed)
    for path in closed.glob("clockface.db*"):
        path.unlink()
    shutil.copy(backup, closed / "clockface.db")
    with Store.open(closed, clock=clock) as store:
        assert len(store.people().result()) == 100


def test_only_the_newest_backups_are_kept(closed: Path, clock: FakeClock) -> None:
    for number in range(6):
        clock.forward(days=1)
        name = f"00{number + 2}_more"
        db = Database(closed / "clockface.db")
        db.execute("DELETE FROM _sqlite_migrations WHERE name LIKE '00%_more'")
        with contextlib.suppress(sqlite3.OperationalError):
            db.execute("ALTER TABLE people DROP COLUMN badge")
        db.close()
        database.open_for_writing(
            closed, clock=clock, keep_backups=3, migrations=with_one_more(name)
        ).close()
    assert [path.name[10:18] for path in backups(closed)] == ["20260306", "20260307", "20260308"]


def test_a_migration_that_fails_changes_nothing_and_keeps_the_backup(
    closed: Path, clock: FakeClock
) -> None:
    with pytest.raises(sqlite3.OperationalError, match="fault"):
        database.open_for_writing(
            closed, clock=clock, keep_backups=5, migrations=with_one_more(fails=True)
        )
    assert len(backups(closed)) == 1
    with Store.open(closed, clock=clock) as store:
        assert len(store.people().result()) == 100


def test_without_room_for_the_backup_nothing_is_migrated(
    small_disk: Path, clock: FakeClock
) -> None:
    with Store.open(small_disk / "data", clock=clock) as store:
        for number in range(20):
            store.enrol(person(f"{number}"), [template(f"{number}")], operator="t").result()
    with (small_disk / "filler").open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while stream.write(b"x" * 4096) == 4096:
            pass
    before = (small_disk / "data" / "clockface.db").read_bytes()
    room = 32_768 + 16_384  # for the shared memory of the reader, and not for a copy
    assert len(before) > room
    os.truncate(small_disk / "filler", (small_disk / "filler").stat().st_size - room)
    with pytest.raises(DiskFullError):
        database.open_for_writing(
            small_disk / "data", clock=clock, keep_backups=5, migrations=with_one_more()
        )
    assert (small_disk / "data" / "clockface.db").read_bytes() == before
    assert not list((small_disk / "data" / "backups").iterdir())


def test_a_reader_does_not_migrate(closed: Path, clock: FakeClock) -> None:
    with untouched(closed), pytest.raises(StorageError, match="older Clockface"):
        database.open_for_reading(closed, migrations=with_one_more())
