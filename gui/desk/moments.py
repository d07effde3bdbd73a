"""Days and times as the desk shows them, in the kiosk's zone."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from PySide6.QtCore import QCoreApplication, QDate

translate = QCoreApplication.translate


@dataclass(frozen=True, slots=True)
class Days:
    """Whole days, both included."""

    first: date
    last: date

    @property
    def end(self) -> date:
        """The day after the last, as half-open ranges want it."""
        return self.last + timedelta(days=1)


def today_in(zone: ZoneInfo, *, now_utc: datetime) -> date:
    return now_utc.astimezone(zone).date()


def just_today(today: date) -> Days:
    return Days(today, today)


def last_seven(today: date) -> Days:
    return Days(today - timedelta(days=6), today)


def this_month(today: date) -> Days:
    """From the first of the month up to today."""
    return Days(today.replace(day=1), today)


def last_month(today: date) -> Days:
    """The whole month before this one, as payroll asks for it."""
    last = today.replace(day=1) - timedelta(days=1)
    return Days(last.replace(day=1), last)


def moment_words(at_utc: datetime, *, zone: ZoneInfo, now_utc: datetime) -> str:
    """Return «Today 08:55», «Yesterday 17:02» or «2026-11-03 08:55»."""
    at, today = at_utc.astimezone(zone), today_in(zone, now_utc=now_utc)
    clock = f"{at:%H:%M}"
    if at.date() == today:
        return translate("Desk", "Today {time}").format(time=clock)
    if at.date() == today - timedelta(days=1):
        return translate("Desk", "Yesterday {time}").format(time=clock)
    return f"{at:%Y-%m-%d} {clock}"


def to_qdate(day: date) -> QDate:
    return QDate(day.year, day.month, day.day)


def from_qdate(day: QDate) -> date:
    return date(day.year(), day.month(), day.day())
