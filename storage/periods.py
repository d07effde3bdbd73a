"""Days of a zone as half-open ranges of UTC, daylight saving and odd midnights included."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(at_utc: datetime) -> int:
    """Return microseconds since 1970, exactly.

    Raises ValueError for a moment without a zone.
    """
    if at_utc.tzinfo is None:
        raise ValueError("a moment without a time zone cannot be stored")
    return (at_utc - EPOCH) // _MICROSECOND


def from_us(stored_us: int) -> datetime:
    """Return the timezone-aware UTC moment of stored microseconds."""
    return EPOCH + timedelta(microseconds=stored_us)


def local_start_utc(day: date, *, zone: ZoneInfo, starts: time = time.min) -> datetime:
    """Return the first moment at which a wall clock there shows `day` at `starts` or later.

    A time that the clock skips (daylight saving begins) gives the moment of the skip; one that it
    shows twice gives the first.
    """
    wall = datetime.combine(day, starts, tzinfo=zone)
    early = wall.replace(fold=1).astimezone(UTC)
    late = wall.astimezone(UTC)
    if early >= late:  # no skip: fold=1 is later or the same
        return late
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) // 2
        if middle.astimezone(zone).replace(tzinfo=None) < wall.replace(tzinfo=None):
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


def range_us(
    from_date: date | None, to_date: date | None, *, zone: ZoneInfo
) -> tuple[int | None, int | None]:
    """Return the half-open range [from_date, to_date) in stored microseconds; None is open."""
    first = None if from_date is None else to_us(local_start_utc(from_date, zone=zone))
    end = None if to_date is None else to_us(local_start_utc(to_date, zone=zone))
    return first, end
