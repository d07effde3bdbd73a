from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attendance.clocking import ClockingRules, DirectionMode, decide, next_direction, workday
from attendance.types import AlreadyClocked, Direction
from tests.attendance.builders import START_UTC, make_punch

BERLIN = ZoneInfo("Europe/Berlin")


def rules(
    mode: DirectionMode = DirectionMode.ALTERNATE, *, cooldown_s: float = 60
) -> ClockingRules:
    return ClockingRules(BERLIN, "device", mode=mode, cooldown_s=cooldown_s)


def test_the_first_punch_ever_is_in() -> None:
    assert decide(None, at_utc=START_UTC, rules=rules()) is Direction.IN


def test_directions_alternate_within_a_workday() -> None:
    last = make_punch(direction=Direction.IN)
    later = START_UTC + timedelta(hours=4)
    assert decide(last, at_utc=later, rules=rules()) is Direction.OUT
    last = make_punch(direction=Direction.OUT, at_utc=later)
    assert decide(last, at_utc=later + timedelta(hours=1), rules=rules()) is Direction.IN


def test_a_forgotten_clock_out_does_not_flip_the_next_day() -> None:
    last = make_punch(direction=Direction.IN)
    assert decide(last, at_utc=START_UTC + timedelta(days=1), rules=rules()) is Direction.IN


def test_a_second_punch_within_the_cooldown_is_answered_with_the_first() -> None:
    last = make_punch()
    answer = decide(last, at_utc=START_UTC + timedelta(seconds=59), rules=rules())
    assert answer == AlreadyClocked(last)
    assert decide(last, at_utc=START_UTC + timedelta(seconds=60), rules=rules()) is Direction.OUT


def test_a_clock_that_was_set_back_locks_nobody_out() -> None:
    last = make_punch(at_utc=START_UTC + timedelta(days=400))
    assert not isinstance(decide(last, at_utc=START_UTC, rules=rules()), AlreadyClocked)


@pytest.mark.parametrize("mode", [DirectionMode.IN, DirectionMode.OUT])
@pytest.mark.parametrize("asked", [None, Direction.IN, Direction.OUT])
def test_a_fixed_kiosk_has_one_direction(mode: DirectionMode, asked: Direction | None) -> None:
    direction = next_direction(
        make_punch(), at_utc=START_UTC + timedelta(hours=1), rules=rules(mode), asked=asked
    )
    assert direction.value == mode.value


def test_asking_for_the_other_direction_at_once_is_not_a_double_punch() -> None:
    last = make_punch(direction=Direction.IN)
    soon = START_UTC + timedelta(seconds=5)
    asking = rules(DirectionMode.ASK)
    assert decide(last, at_utc=soon, rules=asking, asked=Direction.OUT) is Direction.OUT
    assert decide(last, at_utc=soon, rules=asking, asked=Direction.IN) == AlreadyClocked(last)


@pytest.mark.parametrize(
    ("at_utc", "expected"),
    [
        (datetime(2026, 11, 24, 2, 59, tzinfo=UTC), date(2026, 11, 23)),  # 03:59 in Berlin
        (datetime(2026, 11, 24, 3, 0, tzinfo=UTC), date(2026, 11, 24)),  # 04:00
        # The night the clocks go forward, 02:00 does not exist; 04:00 summer time is 02:00 UTC.
        (datetime(2026, 3, 29, 1, 59, tzinfo=UTC), date(2026, 3, 28)),
        (datetime(2026, 3, 29, 2, 0, tzinfo=UTC), date(2026, 3, 29)),
        # The night they go back, 04:00 standard time is 03:00 UTC.
        (datetime(2026, 10, 25, 2, 59, tzinfo=UTC), date(2026, 10, 24)),
        (datetime(2026, 10, 25, 3, 0, tzinfo=UTC), date(2026, 10, 25)),
    ],
)
def test_a_workday_begins_at_its_local_time(at_utc: datetime, expected: date) -> None:
    assert workday(at_utc, zone=BERLIN, starts=time(4, 0)) == expected


@given(
    gaps_s=st.lists(st.integers(1, 40 * 3600), min_size=1, max_size=40),
    cooldown_s=st.integers(0, 3600),
)
def test_alternating_agrees_with_counting_the_punches_of_the_day(
    gaps_s: list[int], cooldown_s: int
) -> None:
    at_utc = START_UTC
    last = None
    stored: list[tuple[datetime, Direction]] = []
    for gap_s in gaps_s:
        at_utc += timedelta(seconds=gap_s)
        answer = decide(last, at_utc=at_utc, rules=rules(cooldown_s=cooldown_s))
        if isinstance(answer, AlreadyClocked):
            assert stored[-1][0] > at_utc - timedelta(seconds=cooldown_s)
            continue
        # Counted another way: shift the local time by four hours and count that date's punches.
        day = (at_utc.astimezone(BERLIN).replace(tzinfo=None) - timedelta(hours=4)).date()
        same_day = [
            s
            for s in stored
            if (s[0].astimezone(BERLIN).replace(tzinfo=None) - timedelta(hours=4)).date() == day
        ]
        assert answer is (Direction.IN if len(same_day) % 2 == 0 else Direction.OUT)
        stored.append((at_utc, answer))
        last = make_punch(at_utc=at_utc, direction=answer, sequence=len(stored))
