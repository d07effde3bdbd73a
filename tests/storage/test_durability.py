"""What is acknowledged stays: kill, full disk, read-only folder."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlite_utils import Database

from attendance.types import Punch
from storage.failures import DiskFullError, InUseError, ReadOnlyError
from storage.instance import PID_FILE
from storage.store import Store
from tests.conftest import REPOSITORY
from tests.storage.support import START, FakeClock, accepted, clocking_rules, person, template

CHILD = """
import sys
from datetime import timedelta
from pathlib import Path
from storage.store import Store
from tests.storage.support import START, FakeClock, accepted, clocking_rules, person

store = Store.open(Path(sys.argv[1]), clock=FakeClock())
store.enrol(person(), [], operator="test").result()
rules = clocking_rules(device_id=store.device_id, cooldown_s=0)
for number in range(1_000_000):
    moment = START + timedelta(seconds=number)
    punch = store.record(accepted(at_utc=moment), rules=rules).result()
    print(punch.sequence, punch.id, flush=True)
"""


@contextlib.contextmanager
def writing_program(data_dir: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that stores punches as fast as it can and prints each acknowledged one."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(data_dir)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_no_acknowledged_punch_is_lost_when_the_program_is_killed(
    tmp_path: Path, clock: FakeClock
) -> None:
    acknowledged: list[list[str]] = []
    with writing_program(tmp_path) as child:
        assert child.stdout is not None
        acknowledged += [child.stdout.readline().split() for _ in range(50)]
        child.send_signal(signal.SIGKILL)
        # what it still managed to say before it died counts as well
        acknowledged += [line.split() for line in child.stdout if line.endswith("\n")]
    assert (tmp_path / PID_FILE).exists()
    with Store.open(tmp_path, clock=clock) as store:
        stored = [row.punch for row in store.last_punches(1_000_000).result()][::-1]
        assert [[str(punch.sequence), punch.id] for punch in stored][: len(acknowledged)] == (
            acknowledged
        )
        assert len(stored) - len(acknowledged) in (0, 1)
        assert [punch.sequence for punch in stored] == list(range(1, len(stored) + 1))
        following = store.record(
            accepted(at_utc=START + timedelta(days=1)),
            rules=clocking_rules(device_id=store.device_id),
        ).result()
        assert isinstance(following, Punch)
        assert following.sequence == len(stored) + 1
    assert not (tmp_path / PID_FILE).exists()


def test_another_process_that_holds_the_folder_is_named(tmp_path: Path, clock: FakeClock) -> None:
    with writing_program(tmp_path) as child:
        assert child.stdout is not None
        assert child.stdout.readline()
        with pytest.raises(InUseError, match=rf"process {child.pid}\) already works"):
            Store.open(tmp_path, clock=clock)
        assert child.poll() is None
        with Store.open(tmp_path, clock=clock, read_only=True) as reader:
            assert reader.last_punches(1).result()


def test_every_commit_reaches_the_disk(store: Store) -> None:
    """FULL is 2; in WAL mode it syncs the log at each commit."""

    def pragmas(db: Database) -> dict[str, object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
        return {name: db.conn.execute(f"PRAGMA {name}").fetchone()[0] for name in names}

    assert store._thread.call(pragmas).result() == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "busy_timeout": 5_000,
    }


def test_every_table_is_strict(store: Store) -> None:
    tables = store._thread.call(
        lambda db: dict(db.conn.execute("SELECT name, strict FROM pragma_table_list").fetchall())
    ).result()
    assert {"people", "templates", "punches", "audit", "meta"} <= tables.keys()
    assert {name for name, strict in tables.items() if not strict} <= {
        "sqlite_schema",
        "sqlite_temp_schema",
        "sqlite_sequence",
    }


def punched_until_full(store: Store) -> list[Punch]:
    """Store a punch a minute until the disk is full; return those acknowledged."""
    rules = clocking_rules(device_id=store.device_id, cooldown_s=0)
    stored: list[Punch] = []
    for number in range(10_000):
        moment = START + timedelta(minutes=number)
        try:
            punch = store.record(accepted(at_utc=moment), rules=rules).result()
        except DiskFullError:
            return stored
        assert isinstance(punch, Punch)
        stored.append(punch)
    pytest.fail("the disk never became full")


def test_a_full_database_stores_nothing_and_goes_on_when_there_is_room(store: Store) -> None:
    """SQLite's own limit of pages gives the same error as a full disk."""
    rules = clocking_rules(device_id=store.device_id, cooldown_s=0)

    def limit_pages(pages: int) -> None:
        store._thread.call(
            lambda db: db.conn.execute(f"PRAGMA max_page_count = {pages}").fetchone()
        ).result()

    store.enrol(person(), [], operator="test").result()
    limit_pages(1)  # as many as there are now
    stored = len(punched_until_full(store))
    with pytest.raises(DiskFullError):
        store.enrol(person("18"), [template("18") for _ in range(50)], operator="t").result()
    assert store.person("18").result() is None
    limit_pages(1_000_000)
    later = START + timedelta(days=300)
    punch = store.record(accepted(at_utc=later), rules=rules).result()
    assert isinstance(punch, Punch)
    assert punch.sequence == stored + 1
    audited = [row for row in store.audit_rows(100_000).result() if row.action == "punch"]
    assert len(audited) == stored + 1


def test_a_disk_that_is_really_full_loses_nothing(small_disk: Path, clock: FakeClock) -> None:
    filler = small_disk / "filler"
    with Store.open(small_disk / "data", clock=clock) as store:
        rules = clocking_rules(device_id=store.device_id, cooldown_s=0)
        store.enrol(person(), [], operator="test").result()
        with filler.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
            while stream.write(b"x" * 4096) == 4096:
                pass
        stored = punched_until_full(store)
        with pytest.raises(DiskFullError, match="write the export"):
            store.export_csv(
                small_disk / "out.csv", from_date=None, to_date=None, zone=rules.zone
            ).result()
        assert not list(small_disk.glob("*.csv")) + list(small_disk.glob(".*.part"))
        filler.unlink()
        moment = START + timedelta(days=300)
        punch = store.record(accepted(at_utc=moment), rules=rules).result()
        assert isinstance(punch, Punch)
        stored.append(punch)
    with Store.open(small_disk / "data", clock=clock) as again:
        assert [row.punch for row in again.last_punches(10_000).result()] == stored[::-1]


def test_a_disk_too_full_for_a_database_says_so(small_disk: Path, clock: FakeClock) -> None:
    with (small_disk / "filler").open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while stream.write(b"x" * 4096) == 4096:
            pass
    with pytest.raises(DiskFullError):
        Store.open(small_disk / "data", clock=clock)
    (small_disk / "filler").unlink()
    with Store.open(small_disk / "data", clock=clock) as store:
        assert store.people().result() == ()


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
@pytest.mark.usefixtures("without_root")
def test_a_folder_that_may_not_be_written_is_refused(open_dir: Path, clock: FakeClock) -> None:
    data_dir = open_dir / "data"
    data_dir.mkdir(mode=0o555)
    try:
        with pytest.raises(ReadOnlyError, match="permission"):
            Store.open(data_dir, clock=clock)
        with pytest.raises(ReadOnlyError, match="make the data directory"):
            Store.open(data_dir / "deeper", clock=clock)
        assert list(data_dir.iterdir()) == []
    finally:
        data_dir.chmod(0o777)


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
@pytest.mark.usefixtures("without_root")
def test_a_database_that_may_only_be_read_is_refused_at_the_start(
    open_dir: Path, clock: FakeClock
) -> None:
    with Store.open(open_dir / "data", clock=clock) as store:
        store.enrol(person(), [], operator="test").result()
    store.database.chmod(0o444)
    with pytest.raises(ReadOnlyError, match="may not write the database"):
        Store.open(open_dir / "data", clock=clock)


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
@pytest.mark.usefixtures("without_root")
def test_a_database_on_read_only_media_can_be_read(open_dir: Path, clock: FakeClock) -> None:
    with Store.open(open_dir / "data", clock=clock) as store:
        store.enrol(person(), [], operator="test").result()
    (open_dir / "data").chmod(0o555)
    try:
        with Store.open(open_dir / "data", clock=clock, read_only=True) as reader:
            assert [row.person.staff_id for row in reader.people().result()] == ["17"]
    finally:
        (open_dir / "data").chmod(0o777)


def test_a_database_that_another_program_locks_is_reported(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store._thread.call(lambda db: db.conn.execute("PRAGMA busy_timeout = 0").fetchone()).result()
    viewer = sqlite3.connect(store.database, isolation_level=None)
    viewer.execute("BEGIN IMMEDIATE")
    with pytest.raises(InUseError, match="Another program holds"):
        store.enrol(person(), [], operator="test").result()
    viewer.execute("ROLLBACK")
    viewer.close()
    store.enrol(person(), [], operator="test").result()
