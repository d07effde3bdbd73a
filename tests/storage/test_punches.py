"""Punches: the clocking rules through the store, lists, counts and the hours of a day."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attendance.clocking import DirectionMode
from attendance.types import AlreadyClocked, Direction, Method, PersonState, Punch
from storage.failures import NotActiveError
from storage.rows import PunchQuery
from storage.store import Store
from tests.storage.support import (
    BERLIN,
    MODEL,
    START,
    FakeClock,
    accepted,
    clocking_rules,
    person,
)

EVERYTHING = PunchQuery(zone=BERLIN, newest_first=False)


def punched(store: Store, staff_id: str, at_utc: datetime) -> Punch:
    rules = clocking_rules(cooldown_s=0)
    answer = store.record(accepted(staff_id, at_utc=at_utc), rules=rules).result()
    assert isinstance(answer, Punch)
    return answer


def test_a_punch_carries_everything_there_is_to_know(store: Store) -> None:
    store.enrol(person(), [], operator="test").result()
    rules = clocking_rules(device_id=store.device_id)
    punch = store.record(accepted(), rules=rules).result()
    assert isinstance(punch, Punch)
    assert UUID(punch.id).version == 7
    assert replace(punch, id="") == Punch(
        id="",
        person_id="17",
        at_utc=START,
        zone="Europe/Berlin",
        offset_s=3600,
        mono_ns=42,
        direction=Direction.IN,
        method=Method.FACE,
        similarity=0.8125,
        model_id=MODEL,
        device_id=store.device_id,
        sequence=1,
    )
    assert store.last_punch("17").result() == punch
    (row,) = store.punches(EVERYTHING).result()
    assert row.punch == punch


def test_the_moment_is_kept_to_the_microsecond_whatever_zone_it_came_in(store: Store) -> None:
    store.enrol(person(), [], operator="test").result()
    moment = datetime(2026, 7, 1, 8, 0, 0, 123_457, tzinfo=ZoneInfo("Asia/Kathmandu"))
    punch = punched(store, "17", moment)
    assert punch.at_utc == moment
    assert punch.at_utc.tzinfo is UTC
    assert punch.offset_s == 7200
    with pytest.raises(ValueError, match="without a time zone"):
        store.record(
            accepted(at_utc=datetime(2026, 7, 2)),  # noqa: DTZ001 - the point of the test
            rules=clocking_rules(mode=DirectionMode.IN, cooldown_s=0),
        ).result()


def test_a_second_punch_within_the_cooldown_is_answered_and_not_stored(
    store: Store, clock: FakeClock
) -> None:
    store.enrol(person(), [], operator="test").result()
    first = punched(store, "17", START)
    soon = START + timedelta(seconds=59)
    assert store.record(accepted(at_utc=soon), rules=clocking_rules()).result() == AlreadyClocked(
        first
    )
    assert store.punch_count(EVERYTHING).result() == 1
    assert [row.action for row in store.audit_rows().result()].count("punch") == 1


def test_the_chosen_direction_is_stored(store: Store) -> None:
    store.enrol(person(), [], operator="test").result()
    answer = store.record(
        accepted(), rules=clocking_rules(mode=DirectionMode.ASK), direction=Direction.OUT
    ).result()
    assert isinstance(answer, Punch)
    assert answer.direction is Direction.OUT


@pytest.mark.parametrize("state", ["unknown", "inactive", "erased"])
def test_only_an_active_person_is_punched(store: Store, state: str) -> None:
    if state != "unknown":
        store.enrol(person(), [], operator="test").result()
    if state == "inactive":
        store.set_state("17", PersonState.INACTIVE, operator="test").result()
    if state == "erased":
        store.erase("17", operator="test").result()
    with pytest.raises(NotActiveError, match="may not clock in"):
        store.record(accepted(), rules=clocking_rules()).result()
    assert store.punch_count(EVERYTHING).result() == 0


def test_a_clock_that_was_wrong_for_a_while_does_not_rule_the_days_after(store: Store) -> None:
    store.enrol(person(), [], operator="test").result()
    punched(store, "17", START + timedelta(days=400))  # the clock was a year ahead
    directions = [
        punched(store, "17", START + timedelta(hours=hours)).direction for hours in (0, 4, 5, 9)
    ]
    assert directions == [Direction.IN, Direction.OUT, Direction.IN, Direction.OUT]


def test_each_device_counts_its_own_punches(store: Store) -> None:
    store.enrol(person(), [], operator="test").result()
    sequences = []
    for hours, device_id in enumerate(["a", "a", "b", "a", "b"]):
        answer = store.record(
            accepted(at_utc=START + timedelta(hours=hours)),
            rules=clocking_rules(device_id=device_id),
        ).result()
        assert isinstance(answer, Punch)
        sequences.append(answer.sequence)
    assert sequences == [1, 2, 1, 3, 2]


def test_punches_can_neither_be_changed_nor_removed(store: Store) -> None:
    import sqlite3

    store.enrol(person(), [], operator="test").result()
    punched(store, "17", START)
    store.close()
    connection = sqlite3.connect(store.database)
    for statement in (
        "UPDATE punches SET at_utc_us = 0",
        "DELETE FROM punches",
        "UPDATE audit SET operator = 'x'",
        "DELETE FROM audit",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="only ever added"):
            connection.execute(statement)
    connection.close()


# The rules written down a second time, in another way, to compare with.

Step = tuple[str, int, Direction | None]

_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["1", "2"]),
        st.one_of(
            st.integers(-30, 130),
            st.integers(-7_200, 86_400),
            st.sampled_from([0, 59, 60, 61, 86_400, -86_400]),
        ),
        st.sampled_from([None, Direction.IN, Direction.OUT]),
    ),
    max_size=25,
)


def expected_directions(
    steps: list[Step], *, zone: ZoneInfo, mode: DirectionMode, cooldown_s: int, starts_hour: int
) -> list[Direction | None]:
    """None stands for a punch that is answered with the one before."""
    last: dict[str, tuple[datetime, Direction]] = {}
    answers: list[Direction | None] = []
    now = START

    def day(moment: datetime) -> date:
        wall = moment.astimezone(zone).replace(tzinfo=None)
        return (wall - timedelta(hours=starts_hour)).date()

    for staff_id, seconds, asked in steps:
        now = now + timedelta(seconds=seconds)
        direction = Direction.IN
        if staff_id in last:
            before, was = last[staff_id]
            changes_mind = mode is DirectionMode.ASK and asked is not None and asked is not was
            if abs(now - before) < timedelta(seconds=cooldown_s) and not changes_mind:
                answers.append(None)
                continue
            if was is Direction.IN and day(before) == day(now):
                direction = Direction.OUT
        if asked is not None:
            direction = asked
        if mode in (DirectionMode.IN, DirectionMode.OUT):
            direction = Direction(str(mode))
        last[staff_id] = (now, direction)
        answers.append(direction)
    return answers


@settings(max_examples=60, deadline=None)
@given(
    steps=_STEPS,
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "UTC"]),
    mode=st.sampled_from(list(DirectionMode)),
    cooldown_s=st.sampled_from([0, 60, 3_600]),
    starts_hour=st.sampled_from([0, 4, 23]),
)
def test_the_store_answers_as_the_rules_say_and_counts_without_a_gap(
    steps: list[Step], zone: str, mode: DirectionMode, cooldown_s: int, starts_hour: int
) -> None:
    rules = clocking_rules(
        zone=ZoneInfo(zone),
        mode=mode,
        cooldown_s=float(cooldown_s),
        workday_starts=time(starts_hour),
    )
    expected = expected_directions(
        steps, zone=rules.zone, mode=mode, cooldown_s=cooldown_s, starts_hour=starts_hour
    )
    with (
        TemporaryDirectory() as folder,
        Store.open(Path(folder), clock=FakeClock()) as store,
    ):
        for staff_id in ("1", "2"):
            store.enrol(person(staff_id), [], operator="test").result()
        now = START
        answers: list[Direction | None] = []
        stored: list[Punch] = []
        for staff_id, seconds, asked in steps:
            now += timedelta(seconds=seconds)
            answer = store.record(
                accepted(staff_id, at_utc=now), rules=rules, direction=asked
            ).result()
            answers.append(answer.direction if isinstance(answer, Punch) else None)
            if isinstance(answer, Punch):
                stored.append(answer)
            else:
                mine = [punch for punch in stored if punch.person_id == staff_id]
                assert answer.punch == mine[-1]
        assert answers == expected
        assert [punch.sequence for punch in stored] == list(range(1, len(stored) + 1))
        newest = [row.punch for row in store.last_punches(100).result()]
        assert newest == stored[::-1]


def filled(store: Store) -> None:
    """Three people, a punch in and out on each of four days."""
    for staff_id, name, department in (
        ("1", "Ada Lovelace", "Analysis"),
        ("2", "Bob Builder", "Works"),
        ("3", "Zoë Ångström", "Works"),
    ):
        store.enrol(person(staff_id, name=name, department=department), [], operator="t").result()
        for day in range(4):
            punched(store, staff_id, START + timedelta(days=day, minutes=int(staff_id)))
            punched(store, staff_id, START + timedelta(days=day, hours=8, minutes=int(staff_id)))


def test_lists_are_sorted_by_time_and_paged(store: Store) -> None:
    filled(store)
    rows = store.punches(EVERYTHING).result()
    times = [row.punch.at_utc for row in rows]
    assert len(times) == 24
    assert times == sorted(times)
    newest = store.punches(PunchQuery(zone=BERLIN)).result()
    assert newest == rows[::-1]
    pages = [
        store.punches(replace(EVERYTHING, limit=7, offset=offset)).result()
        for offset in (0, 7, 14, 21, 28)
    ]
    assert tuple(row for page in pages for row in page) == rows


def test_days_are_half_open_in_the_zone_of_the_kiosk(store: Store) -> None:
    store.enrol(person(), [], operator="test").result()
    midnight = datetime(2026, 3, 3, tzinfo=BERLIN).astimezone(UTC)
    for seconds in (-1, 0, 86_399, 86_400):
        punched(store, "17", midnight + timedelta(seconds=seconds))
    one_day = replace(EVERYTHING, from_date=date(2026, 3, 3), to_date=date(2026, 3, 4))
    found = [row.punch.at_utc - midnight for row in store.punches(one_day).result()]
    assert found == [timedelta(0), timedelta(seconds=86_399)]
    assert store.punch_count(replace(one_day, from_date=None)).result() == 3
    assert store.punch_count(replace(one_day, to_date=None)).result() == 3


def test_filters_by_person_department_and_words_work_together(store: Store) -> None:
    filled(store)

    def count(query: PunchQuery) -> int:
        rows = store.punches(query).result()
        assert store.punch_count(query).result() == len(rows)
        return len(rows)

    assert count(replace(EVERYTHING, staff_id="2")) == 8
    assert count(replace(EVERYTHING, department="Works")) == 16
    assert count(replace(EVERYTHING, search="angstrom")) == 8
    assert count(replace(EVERYTHING, search="works", staff_id="1")) == 0
    assert count(replace(EVERYTHING, search="ada", department="Works")) == 0
    assert count(replace(EVERYTHING, search="o", to_date=date(2026, 3, 3))) == 6
    assert count(replace(EVERYTHING, search="nobody at all")) == 0
    assert count(replace(EVERYTHING, department="")) == 0


def test_lists_show_what_a_person_is_called_now_erased_people_too(store: Store) -> None:
    filled(store)
    store.update_person(person("1", name="Ada King", department="Board"), operator="t").result()
    store.erase("1", operator="t").result()
    rows = store.punches(replace(EVERYTHING, staff_id="1")).result()
    assert {(row.name, row.department) for row in rows} == {("Ada King", "Board")}


def test_many_people_found_give_the_same_list_as_few(store: Store) -> None:
    """Above a number of people the query goes another way through the indexes."""
    for number in range(60):
        store.enrol(person(f"{number}", name=f"Person {number}"), [], operator="t").result()
        punched(store, f"{number}", START + timedelta(minutes=number))
    many = store.punches(replace(EVERYTHING, search="person")).result()
    assert [row.punch.person_id for row in many] == [f"{number}" for number in range(60)]
    few = store.punches(replace(EVERYTHING, search="person 5")).result()
    assert [row.punch.person_id for row in few] == [
        f"{number}" for number in range(60) if "5" in f"{number}"
    ]


@pytest.mark.parametrize(
    ("minutes", "hours"),
    [
        ([], 0.0),
        ([0], 4.0),  # in at 8:00, still in at 12:00
        ([0, 120], 2.0),
        ([0, 120, 180], 3.0),
        ([0, 60, 120, 150], 1.5),
    ],
)
def test_the_hours_of_today_are_summed_and_an_open_one_counts_up_to_now(
    store: Store, clock: FakeClock, minutes: list[int], hours: float
) -> None:
    start = datetime(2026, 3, 2, 8, 0, tzinfo=BERLIN).astimezone(UTC)
    store.enrol(person(), [], operator="test").result()
    punched(store, "17", start - timedelta(days=1))  # forgot to clock out yesterday
    for minute in minutes:
        punched(store, "17", start + timedelta(minutes=minute))
    clock.now = start + timedelta(hours=4)
    worked = store.worked_today("17", rules=clocking_rules()).result()
    assert worked == timedelta(hours=hours)


def test_a_second_in_and_an_out_without_an_in_change_nothing(
    store: Store, clock: FakeClock
) -> None:
    store.enrol(person(), [], operator="test").result()
    rules = clocking_rules(mode=DirectionMode.ASK)
    for hours, direction in ((0, "out"), (1, "in"), (2, "in"), (3, "out"), (4, "out")):
        moment = START + timedelta(hours=hours)
        store.record(accepted(at_utc=moment), rules=rules, direction=Direction(direction)).result()
    clock.forward(hours=6)
    assert store.worked_today("17", rules=rules).result() == timedelta(hours=2)


def test_a_night_shift_counts_for_the_day_it_began(store: Store, clock: FakeClock) -> None:
    store.enrol(person(), [], operator="test").result()
    rules = clocking_rules(workday_starts=time(12, 0))
    evening = datetime(2026, 3, 28, 22, 0, tzinfo=BERLIN).astimezone(UTC)
    store.record(accepted(at_utc=evening), rules=rules).result()
    # 06:00 on the day daylight saving begins is only seven hours later
    morning = datetime(2026, 3, 29, 6, 0, tzinfo=BERLIN).astimezone(UTC)
    out = store.record(accepted(at_utc=morning), rules=rules).result()
    assert isinstance(out, Punch)
    assert out.direction is Direction.OUT
    clock.now = morning + timedelta(minutes=30)
    assert store.worked_today("17", rules=rules).result() == timedelta(hours=7)


def test_a_clock_set_back_never_gives_negative_hours(store: Store, clock: FakeClock) -> None:
    store.enrol(person(), [], operator="test").result()
    punched(store, "17", START)
    clock.now = START - timedelta(hours=1)
    assert store.worked_today("17", rules=clocking_rules()).result() == timedelta(0)
