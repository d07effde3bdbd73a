"""Erased templates are nowhere in the data directory any more, whatever file one looks into."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from attendance.errors import StorageError
from storage.erasure import erase_from_backups
from storage.store import Store
from tests.storage.support import FakeClock, embedding, person, template
from tests.storage.test_opening import with_one_more

TEMPLATES_EACH = 5


def fingerprints(number: int) -> list[bytes]:
    """Sixteen bytes from the middle of each embedding of a person: enough to find a remnant."""
    return [
        embedding(number * 100 + seed).vec.astype("<f4").tobytes()[248:264]
        for seed in range(TEMPLATES_EACH)
    ]


def enrol_many(store: Store, people: int) -> None:
    for number in range(people):
        templates = [
            template(f"{number}", seed=number * 100 + seed) for seed in range(TEMPLATES_EACH)
        ]
        store.enrol(person(f"{number}"), templates, operator="test").result()


def remnants(data_dir: Path, number: int) -> list[str]:
    """Return the files that still hold a part of one of the person's embeddings."""
    return [
        path.name
        for path in sorted(data_dir.rglob("*"))
        if path.is_file()
        for content in [path.read_bytes()]
        if any(mark in content for mark in fingerprints(number))
    ]


def test_erased_templates_are_overwritten_in_the_database_and_its_log(store: Store) -> None:
    enrol_many(store, 40)
    assert remnants(store.data_dir, 7)
    assert store.erase("7", operator="test").result() == TEMPLATES_EACH
    assert remnants(store.data_dir, 7) == []
    assert remnants(store.data_dir, 8)
    store.close()
    assert remnants(store.data_dir, 7) == []


def test_replaced_templates_are_gone_once_the_person_is_erased(store: Store) -> None:
    enrol_many(store, 3)
    store.replace_templates("1", [template("1", seed=9_999)], operator="test").result()
    store.erase("1", operator="test").result()
    assert remnants(store.data_dir, 1) == []


def test_erased_templates_are_overwritten_in_the_backups_too(
    tmp_path: Path, clock: FakeClock
) -> None:
    with Store.open(tmp_path, clock=clock) as store:
        enrol_many(store, 40)
    from storage import database

    db = database.open_for_writing(
        tmp_path, clock=clock, keep_backups=5, migrations=with_one_more()
    )
    db.execute("DELETE FROM _sqlite_migrations WHERE name LIKE '002%'")
    db.close()
    (backup,) = database.backups(tmp_path)
    assert backup.name in remnants(tmp_path, 7)
    with Store.open(tmp_path, clock=clock) as store:
        store.erase("7", operator="test").result()
        assert remnants(tmp_path, 7) == []
        assert backup.name in remnants(tmp_path, 8)
    assert [path.name for path in backup.parent.iterdir()] == [backup.name]


def test_a_backup_that_cannot_be_cleaned_is_named_and_the_others_are(
    store: Store, clock: FakeClock
) -> None:
    enrol_many(store, 2)
    folder = store.data_dir / "backups"
    folder.mkdir()
    (folder / "clockface-1.db").write_bytes(b"not a database")
    with pytest.raises(StorageError, match=r"not from the backups clockface-1\.db"):
        store.erase("1", operator="test").result()
    assert store.templates_of("1").result() == ()
    assert remnants(store.data_dir, 1) == []


def test_without_backups_there_is_nothing_to_clean(tmp_path: Path) -> None:
    erase_from_backups(tmp_path, "1")
    assert list(tmp_path.iterdir()) == []


def test_the_fingerprints_find_what_is_there() -> None:
    """The search above must be able to fail."""
    blob = np.asarray(embedding(701).vec, dtype="<f4").tobytes()
    assert any(mark in blob for mark in fingerprints(7))
    assert not any(mark in blob for mark in fingerprints(8))


def test_a_reader_that_looks_on_delays_the_overwriting_only_until_both_have_closed(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store.open(tmp_path, clock=clock)
    enrol_many(store, 3)
    store._thread.call(lambda db: db.conn.execute("PRAGMA busy_timeout = 0").fetchone()).result()
    viewer = sqlite3.connect(store.database, isolation_level=None)
    viewer.execute("BEGIN")
    viewer.execute("SELECT count(*) FROM people").fetchone()
    assert store.erase("1", operator="test").result() == TEMPLATES_EACH
    assert "until the database closes" in caplog.text
    viewer.close()
    store.close()
    assert remnants(tmp_path, 1) == []
