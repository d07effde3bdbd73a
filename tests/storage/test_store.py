"""The store as a whole: threads, locks, listeners, closing."""

import threading
from datetime import date
from pathlib import Path

import pytest

from attendance.errors import InputError, StorageError
from attendance.types import PersonState
from storage.failures import ClosedError, InUseError, ReadOnlyError
from storage.store import Store
from tests.storage.support import (
    BERLIN,
    MODEL,
    FakeClock,
    accepted,
    clocking_rules,
    person,
    template,
)


def test_a_second_program_is_told_who_holds_the_data_directory(
    store: Store, clock: FakeClock
) -> None:
    import os

    with pytest.raises(InUseError, match=rf"process {os.getpid()}\)"):
        Store.open(store.data_dir, clock=clock)


def test_the_data_directory_is_free_again_after_closing(store: Store, clock: FakeClock) -> None:
    device_id = store.device_id
    store.close()
    with Store.open(store.data_dir, clock=clock) as again:
        assert again.device_id == device_id != ""


def test_closing_twice_does_nothing(store: Store) -> None:
    store.close()
    store.close()


def test_what_was_asked_for_before_closing_is_stored(store: Store, clock: FakeClock) -> None:
    answers = [store.enrol(person(f"{n}"), [], operator="test") for n in range(20)]
    store.close()
    assert [answer.result().staff_id for answer in answers] == [f"{n}" for n in range(20)]
    with Store.open(store.data_dir, clock=clock) as again:
        assert len(again.people().result()) == 20


def test_after_closing_every_call_fails_with_a_sentence(store: Store, tmp_path: Path) -> None:
    store.close()
    calls = (
        store.people(),
        store.record(accepted(), rules=clocking_rules()),
        store.export_csv(
            tmp_path / "x.csv", from_date=None, to_date=None, zone=clocking_rules().zone
        ),
    )
    for answer in calls:
        with pytest.raises(ClosedError, match="closed"):
            answer.result(timeout=5)


def test_closing_ends_the_threads(store: Store) -> None:
    store.people().result()
    store.close()
    for thread in threading.enumerate():
        if thread.name.startswith("storage"):
            thread.join(timeout=5)
    assert not [t for t in threading.enumerate() if t.name.startswith("storage")]


def test_a_reader_works_beside_the_writer_and_cannot_write(store: Store, clock: FakeClock) -> None:
    store.enrol(person(), [template("17")], operator="test").result()
    with Store.open(store.data_dir, clock=clock, read_only=True) as reader:
        assert reader.device_id == store.device_id
        assert [row.person.name for row in reader.people().result()] == ["Ada Lovelace"]
        with pytest.raises(ReadOnlyError, match="reading only"):
            reader.set_state("17", PersonState.INACTIVE, operator="test").result()
    assert store.person("17").result() is not None


def test_a_reader_says_when_there_is_no_database_yet(tmp_path: Path, clock: FakeClock) -> None:
    with pytest.raises(StorageError, match="no database"):
        Store.open(tmp_path, clock=clock, read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_listener_hears_of_every_change_of_people_and_templates_and_of_nothing_else(
    store: Store,
) -> None:
    heard: list[int] = []
    store.add_listener(
        lambda: heard.append(len(store.gallery_rows(model_id=MODEL).result().staff_ids))
    )
    store.enrol(person(), [template("17")], operator="test").result()
    store.add_templates("17", [template("17", seed=1)], operator="test").result()
    store.replace_templates("17", [template("17", seed=2)], operator="test").result()
    store.set_state("17", PersonState.INACTIVE, operator="test").result()
    store.set_state("17", PersonState.ACTIVE, operator="test").result()
    store.update_person(person(name="Ada King"), operator="test").result()
    store.record(accepted(), rules=clocking_rules()).result()
    store.erase("17", operator="test").result()
    assert heard == [1, 2, 1, 0, 1, 1, 0]


def test_a_listener_that_fails_does_not_fail_the_write(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise RuntimeError("broken listener")

    store.add_listener(broken)
    store.enrol(person(), [], operator="test").result()
    assert "listener" in caplog.text


def test_a_refused_write_tells_no_listener(store: Store) -> None:
    store.enrol(person(), [], operator="test").result()
    heard: list[bool] = []
    store.add_listener(lambda: heard.append(True))
    with pytest.raises(InputError):
        store.enrol(person(), [], operator="test").result()
    assert not heard


def test_a_callback_of_a_future_may_ask_the_store_and_wait(store: Store) -> None:
    found: list[str] = []
    done = threading.Event()
    gate = threading.Event()

    def ask(_: object) -> None:
        again = store.person("17").result()
        found.append(again.name if again else "")
        done.set()

    def hold() -> None:
        assert gate.wait(5)

    store.add_listener(hold)
    answer = store.enrol(person(), [], operator="test")
    answer.add_done_callback(ask)
    gate.set()
    assert done.wait(5)
    assert found == ["Ada Lovelace"]


def test_a_data_directory_that_is_a_file_is_refused(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "data").write_text("mine")
    with pytest.raises(StorageError, match="is a file"):
        Store.open(tmp_path / "data", clock=clock)
    assert (tmp_path / "data").read_text() == "mine"


def test_the_data_directory_is_made_for_its_owner_only(store: Store) -> None:
    assert store.data_dir.stat().st_mode & 0o077 == 0
    assert store.database.stat().st_mode & 0o077 == 0


def test_every_write_leaves_an_audit_row(store: Store, clock: FakeClock) -> None:
    store.enrol(person(), [template("17")], operator="hr").result()
    clock.forward(minutes=1)
    store.update_person(person(name="Ada King"), operator="hr").result()
    store.set_state("17", PersonState.INACTIVE, operator="hr").result()
    store.set_state("17", PersonState.ACTIVE, operator="hr").result()
    store.replace_templates("17", [template("17", seed=2)], operator="hr").result()
    store.add_templates("17", [template("17", seed=3)], operator="hr").result()
    store.record(accepted(), rules=clocking_rules()).result()
    store.set_operator_pin("1234", operator="hr").result()
    store.check_operator_pin("0000").result()
    store.erase("17", operator="hr").result()
    rows = store.audit_rows().result()
    assert [row.action for row in reversed(rows)] == [
        "create-database",
        "enrol",
        "update-person",
        "set-state",
        "set-state",
        "replace-templates",
        "add-templates",
        "punch",
        "set-pin",
        "pin-refused",
        "erase",
    ]
    by_action = {row.action: row for row in rows}
    assert by_action["update-person"].detail == {"name": ["Ada Lovelace", "Ada King"]}
    assert by_action["update-person"].at_utc == clock.now
    assert by_action["erase"].operator == "hr"
    assert by_action["erase"].subject == "17"
    assert by_action["erase"].detail == {"templates": 2}
    assert "1234" not in repr(rows)


def test_only_the_newest_audit_rows_are_handed_out(store: Store) -> None:
    for number in range(5):
        store.enrol(person(f"{number}"), [], operator="hr").result()
    assert [row.subject for row in store.audit_rows(2).result()] == ["4", "3"]


def test_closing_leaves_no_thread_behind(tmp_path: Path, clock: FakeClock) -> None:
    before = set(threading.enumerate())
    store = Store.open(tmp_path, clock=clock)
    export = store.export_csv(
        tmp_path / "out.csv", from_date=date(2026, 1, 1), to_date=date(2026, 2, 1), zone=BERLIN
    )
    store.close()
    assert set(threading.enumerate()) == before
    assert export.done()
