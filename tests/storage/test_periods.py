"""Days of a zone as ranges of UTC."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.periods import from_us, local_start_utc, range_us, to_us

# Midnight is skipped in the first three, at half past eleven in Toronto's past, and a whole day
# in Apia; the others are the usual kinds.
ZONES = [
    "America/Sao_Paulo",
    "Asia/Beirut",
    "America/Asuncion",
    "America/Toronto",
    "Pacific/Apia",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "UTC",
]
SECOND = timedelta(seconds=1)


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_moment_comes_back_to_the_microsecond(moment: datetime) -> None:
    assert from_us(to_us(moment)) == moment


def test_a_moment_without_a_zone_is_a_bug() -> None:
    with pytest.raises(ValueError, match="without a time zone"):
        to_us(datetime(2026, 1, 1))  # noqa: DTZ001


@given(
    day=st.dates(date(1990, 1, 1), date(2037, 12, 31)),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    starts=st.sampled_from([time(0), time(2, 30), time(4), time(23, 30)]),
)
def test_a_day_begins_at_the_first_moment_the_wall_clock_reaches_it(
    day: date, zone: ZoneInfo, starts: time
) -> None:
    start = local_start_utc(day, zone=zone, starts=starts)
    wall = datetime.combine(day, starts)
    assert start.astimezone(zone).replace(tzinfo=None) >= wall
    assert (start - SECOND).astimezone(zone).replace(tzinfo=None) < wall


@given(
    day=st.dates(date(1990, 1, 1), date(2037, 12, 31)),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
)
def test_days_follow_each_other_without_gap_or_overlap(day: date, zone: ZoneInfo) -> None:
    _, end = range_us(None, day, zone=zone)
    first, _ = range_us(day, None, zone=zone)
    after, _ = range_us(day + timedelta(days=1), None, zone=zone)
    assert end == first
    assert first is not None
    assert after is not None
    assert 0 <= after - first <= 25.5 * 3_600_000_000


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        (date(2026, 3, 29), "Europe/Berlin", 23),
        (date(2026, 10, 25), "Europe/Berlin", 25),
        (date(2026, 4, 5), "Australia/Lord_Howe", 24.5),
        (date(2018, 11, 4), "America/Sao_Paulo", 23),
        (date(2011, 12, 30), "Pacific/Apia", 0),
    ],
)
def test_days_have_the_length_they_have(day: date, zone: str, hours: float) -> None:
    first, end = range_us(day, day + timedelta(days=1), zone=ZoneInfo(zone))
    assert first is not None
    assert end is not None
    assert (end - first) / 3_600_000_000 == hours


def test_a_skipped_midnight_gives_the_moment_of_the_skip() -> None:
    zone = ZoneInfo("America/Toronto")
    # On 30 March 1919 clocks went from 23:30 to 00:30 of the 31st.
    start = local_start_utc(date(1919, 3, 31), zone=zone)
    assert start == datetime(1919, 3, 31, 4, 30, tzinfo=UTC)
