"""Days and times in words."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from gui.desk.moments import (
    Days,
    from_qdate,
    just_today,
    last_month,
    last_seven,
    moment_words,
    this_month,
    to_qdate,
    today_in,
)

BERLIN = ZoneInfo("Europe/Berlin")
DAYS = st.dates(date(2001, 1, 1), date(2190, 12, 31))


@given(DAYS)
def test_the_usual_ranges_hold_the_days_they_are_called_after(today: date) -> None:
    assert just_today(today) == Days(today, today)
    week = last_seven(today)
    assert (week.end - week.first).days == 7
    assert week.last == today
    month, before = this_month(today), last_month(today)
    assert month.first <= today == month.last
    assert before.end == month.first
    assert before.first.day == 1
    assert before.first.month == before.last.month


@given(DAYS)
def test_a_day_survives_qt(day: date) -> None:
    assert from_qdate(to_qdate(day)) == day


def test_the_day_is_the_kiosks_not_londons() -> None:
    assert today_in(BERLIN, now_utc=datetime(2026, 11, 23, 23, 30, tzinfo=UTC)) == date(
        2026, 11, 24
    )


def test_a_moment_is_told_by_its_nearness() -> None:
    now = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
    told = [moment_words(now - timedelta(hours=h), zone=BERLIN, now_utc=now) for h in (1, 12, 48)]
    assert told == ["Today 10:00", "Yesterday 23:00", "2026-11-22 11:00"]
