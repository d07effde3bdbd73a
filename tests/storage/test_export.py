"""The export: what a spreadsheet and a script read back, and what a failed one leaves."""

import csv
import io
import os
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attendance.errors import InputError, StorageError
from attendance.types import Punch
from storage.export import COLUMNS, harmless
from storage.failures import ClosedError, ReadOnlyError
from storage.store import Store
from tests.storage.support import BERLIN, START, FakeClock, accepted, clocking_rules, person

FORMULA_STARTS = "=+-@"


def punched(store: Store, staff_id: str, at_utc: datetime) -> Punch:
    rules = clocking_rules(cooldown_s=0, device_id=store.device_id)
    answer = store.record(accepted(staff_id, at_utc=at_utc), rules=rules).result()
    assert isinstance(answer, Punch)
    return answer


def exported(
    store: Store,
    *,
    from_date: date | None = None,
    to_date: date | None = None,
    zone: ZoneInfo = BERLIN,
) -> list[dict[str, str]]:
    stream = io.BytesIO()
    count = store.export_csv(stream, from_date=from_date, to_date=to_date, zone=zone).result()
    text = stream.getvalue().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == count
    return rows


def test_every_column_is_there_in_the_zone_of_the_kiosk(store: Store) -> None:
    store.enrol(person(name="Zoë 王", department="R&D; «Labor»"), [], operator="t").result()
    punch = punched(store, "17", datetime(2026, 7, 1, 22, 30, 15, 999_999, tzinfo=UTC))
    (row,) = exported(store)
    assert row == {
        "staff_id": "17",
        "name": "Zoë 王",
        "department": "R&D; «Labor»",
        "date": "2026-07-02",
        "time": "00:30:15",
        "utc_offset": "+02:00",
        "direction": "in",
        "method": "face",
        "similarity": "0.8125",
        "device": store.device_id,
        "punch_id": punch.id,
    }
    (row,) = exported(store, zone=ZoneInfo("America/St_Johns"))
    assert (row["date"], row["time"], row["utc_offset"]) == ("2026-07-01", "20:00:15", "-02:30")


def test_only_the_people_who_are_searched_for_are_exported(store: Store) -> None:
    for staff_id, name, department in (
        ("1", "Ada King", "Office"),
        ("2", "Bo King", "Kitchen"),
        ("3", "Cy Lee", "Kitchen"),
    ):
        one = person(staff_id, name=name, department=department)
        store.enrol(one, [], operator="t").result()
        punched(store, staff_id, START)

    def staff_ids(**filters: str) -> list[str]:
        stream = io.BytesIO()
        count = store.export_csv(
            stream, from_date=None, to_date=None, zone=BERLIN, **filters
        ).result()
        text = io.StringIO(stream.getvalue().decode("utf-8-sig"), newline="")
        found = [row["staff_id"] for row in csv.DictReader(text)]
        assert count == len(found)
        return found

    assert staff_ids() == ["1", "2", "3"]
    assert staff_ids(search="king") == ["1", "2"]
    assert staff_ids(department="Kitchen") == ["2", "3"]
    assert staff_ids(search="KING", department="Kitchen") == ["2"]
    assert staff_ids(search="nobody") == []


def test_date_time_and_offset_together_give_the_moment_back(store: Store) -> None:
    store.enrol(person(), [], operator="t").result()
    # both passages of 02:30 on the day daylight saving ends
    moments = [datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1)]
    for moment in moments:
        punched(store, "17", moment)
    rows = exported(store)
    assert [row["time"] for row in rows] == ["02:30:00", "02:30:00"]
    assert [
        datetime.fromisoformat(f"{row['date']}T{row['time']}{row['utc_offset']}") for row in rows
    ] == moments


def test_the_file_is_utf8_with_a_mark_and_crlf(store: Store, tmp_path: Path) -> None:
    store.enrol(person(name="Zoë"), [], operator="t").result()
    punched(store, "17", START)
    path = tmp_path / "punches.csv"
    assert store.export_csv(path, from_date=None, to_date=None, zone=BERLIN).result() == 1
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbfstaff_id,name,")
    assert content.endswith(b"\r\n")
    assert content.count(b"\r\n") == content.count(b"\n") == 2
    assert content.count(b"\xef\xbb\xbf") == 1


def test_without_punches_the_file_holds_the_header(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "punches.csv"
    assert store.export_csv(path, from_date=None, to_date=None, zone=BERLIN).result() == 0
    assert path.read_text(encoding="utf-8-sig") == ",".join(COLUMNS) + "\n"


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 5, 5), 24)]
)
def test_a_day_is_half_open_also_when_clocks_change(store: Store, day: date, hours: int) -> None:
    store.enrol(person(), [], operator="t").result()
    midnight = datetime(day.year, day.month, day.day, tzinfo=BERLIN).astimezone(UTC)
    for hour in range(-1, hours + 1):
        punched(store, "17", midnight + timedelta(hours=hour))
    rows = exported(store, from_date=day, to_date=day + timedelta(days=1))
    assert len(rows) == hours
    assert {row["date"] for row in rows} == {day.isoformat()}
    before = exported(store, to_date=day)
    after = exported(store, from_date=day + timedelta(days=1))
    assert (len(before), len(after)) == (1, 1)


def test_swapped_days_are_refused(store: Store, tmp_path: Path) -> None:
    for first, end in ((date(2026, 3, 2), date(2026, 3, 1)), (date(2026, 3, 2), date(2026, 3, 2))):
        with pytest.raises(InputError, match="no day"):
            store.export_csv(tmp_path / "x.csv", from_date=first, to_date=end, zone=BERLIN).result()
    assert list(tmp_path.glob("*.csv")) + list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+49 30 123",
        "-2",
        "@SUM(A1)",
        "  =1",
        "\t=1",
        "\tname",
        "\rname",
        "\n=1",
        "\u200b=1",
        "\ufeff=1",
        "\u00a0@x",
        "＝1+1",
        "＋1",
        "－1",
        "＠x",
        "−1",
        '=HYPERLINK("http://example.org","x")',
    ],
)
def test_what_a_spreadsheet_takes_for_a_formula_gets_an_apostrophe(cell: str) -> None:
    assert harmless(cell) == "'" + cell


@pytest.mark.parametrize(
    "cell", ["", "Ada", "O'Neill", "'t Hooft", "1-2", "a=b", "x@y", " Ada", "😀"]
)
def test_ordinary_text_stays_as_it_is(cell: str) -> None:
    assert harmless(cell) == cell


@given(st.text(max_size=30))
def test_no_text_reaches_a_spreadsheet_as_a_formula(cell: str) -> None:
    safe = harmless(cell)
    assert safe in (cell, "'" + cell)
    assert not safe.lstrip().startswith(tuple(FORMULA_STARTS))
    assert not safe.startswith(("\t", "\r", "\n"))


NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(NAMES, NAMES, st.integers(0, 10**9)), min_size=1, max_size=6))
def test_whatever_people_are_called_the_file_reads_back(people: list[tuple[str, str, int]]) -> None:
    """Quotes, commas, line breaks and any script, through a real file and the csv module."""
    import unicodedata

    expected = []
    with TemporaryDirectory() as folder, Store.open(Path(folder), clock=FakeClock()) as store:
        for number, (name, department, seconds) in enumerate(people):
            staff_id = f"{number}"
            store.enrol(
                person(staff_id, name=name, department=department), [], operator="t"
            ).result()
            punch = punched(store, staff_id, START + timedelta(seconds=seconds))
            cells = [unicodedata.normalize("NFC", text) for text in (name, department)]
            expected.append((seconds, number, staff_id, *map(harmless, cells), punch.id))
        path = Path(folder) / "out.csv"
        store.export_csv(path, from_date=None, to_date=None, zone=BERLIN).result()
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    found = [(row["staff_id"], row["name"], row["department"], row["punch_id"]) for row in rows]
    assert found == [line[2:] for line in sorted(expected)]


def test_what_stood_there_before_stays_until_the_new_file_is_whole(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.enrol(person(), [], operator="t").result()
    punched(store, "17", START)
    path = tmp_path / "punches.csv"
    path.write_text("from last month")

    def broken(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", broken)
        with pytest.raises(StorageError, match="disk is full"):
            store.export_csv(path, from_date=None, to_date=None, zone=BERLIN).result()
    assert path.read_text() == "from last month"
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["punches.csv"]
    assert store.export_csv(path, from_date=None, to_date=None, zone=BERLIN).result() == 1
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")


def test_a_place_that_cannot_be_written_is_named(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no such file or directory"):
        store.export_csv(
            tmp_path / "missing" / "x.csv", from_date=None, to_date=None, zone=BERLIN
        ).result()
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(StorageError, match=r"folder\.csv"):
        store.export_csv(
            tmp_path / "folder.csv", from_date=None, to_date=None, zone=BERLIN
        ).result()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
@pytest.mark.usefixtures("without_root")
def test_a_folder_without_permission_is_named(open_dir: Path, clock: FakeClock) -> None:
    locked = open_dir / "locked"
    locked.mkdir(mode=0o555)
    with (
        Store.open(open_dir / "data", clock=clock) as store,
        pytest.raises(ReadOnlyError, match="may not write the export"),
    ):
        store.export_csv(locked / "x.csv", from_date=None, to_date=None, zone=BERLIN).result()


def test_what_was_asked_for_before_the_export_is_in_it(store: Store) -> None:
    gate = threading.Event()
    store._thread.call(lambda _: gate.wait(5))
    store.enrol(person(), [], operator="t")
    store.record(accepted(), rules=clocking_rules())
    stream = io.BytesIO()
    answer = store.export_csv(stream, from_date=None, to_date=None, zone=BERLIN)
    gate.set()
    assert answer.result() == 1


class SlowStream(io.BytesIO):
    """Stops at its first write until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()
        self.go = threading.Event()

    def write(self, data: Any) -> int:
        self.begun.set()
        assert self.go.wait(10)
        return super().write(data)


def filled(store: Store, punches: int) -> None:
    store.enrol(person(), [], operator="t").result()
    for number in range(punches):
        last = store.record(
            accepted(at_utc=START + timedelta(minutes=number)),
            rules=clocking_rules(cooldown_s=0),
        )
    last.result()


def test_punches_are_stored_while_an_export_runs_and_are_not_in_it(store: Store) -> None:
    filled(store, 200)
    stream = SlowStream()
    answer = store.export_csv(stream, from_date=None, to_date=None, zone=BERLIN)
    assert stream.begun.wait(10)
    assert isinstance(punched(store, "17", START + timedelta(days=30)), Punch)
    stream.go.set()
    assert answer.result() == 200


def test_closing_stops_an_export_that_runs(store: Store) -> None:
    filled(store, 1_100)
    stream = SlowStream()
    answer = store.export_csv(stream, from_date=None, to_date=None, zone=BERLIN)
    assert stream.begun.wait(10)
    store.close()
    stream.go.set()
    with pytest.raises(ClosedError, match="stopped"):
        answer.result()


def test_the_stream_stays_open(store: Store) -> None:
    stream = io.BytesIO()
    store.export_csv(stream, from_date=None, to_date=None, zone=BERLIN).result()
    assert not stream.closed
    stream.write(b"more")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_written_to_and_not_replaced(store: Store, tmp_path: Path) -> None:
    pipe = tmp_path / "out.csv"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    store.export_csv(pipe, from_date=None, to_date=None, zone=BERLIN).result()
    reader.join(timeout=10)
    assert pipe.is_fifo()
    assert read[0].decode("utf-8-sig").startswith("staff_id,")


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="there is no /dev/full here")
def test_a_device_that_is_full_is_named_and_stays_a_device(store: Store) -> None:
    with pytest.raises(StorageError):
        store.export_csv(Path("/dev/full"), from_date=None, to_date=None, zone=BERLIN).result()
    assert Path("/dev/full").is_char_device()


def test_a_link_stays_and_the_file_behind_it_is_written(store: Store, tmp_path: Path) -> None:
    behind = tmp_path / "shared" / "real.csv"
    behind.parent.mkdir()
    link = tmp_path / "out.csv"
    link.symlink_to(behind)
    store.export_csv(link, from_date=None, to_date=None, zone=BERLIN).result()
    assert link.is_symlink()
    assert behind.read_text(encoding="utf-8-sig").startswith("staff_id,")
