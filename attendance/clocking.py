"""From an accepted face to a punch: direction, workday and cooldown.

Pure rules. Storage calls `decide` inside the transaction that inserts the punch, so that two
punches can never be judged against the same last one.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from attendance.config import KioskSettings
from attendance.types import AlreadyClocked, Direction, Punch


class DirectionMode(StrEnum):
    """How the direction of a punch comes about."""

    ALTERNATE = "alternate"
    IN = "in"
    OUT = "out"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class ClockingRules:
    """zone: where the kiosk stands. workday_starts: local time at which a new workday begins."""

    zone: ZoneInfo
    device_id: str
    mode: DirectionMode = DirectionMode.ALTERNATE
    cooldown_s: float = 60.0
    workday_starts: time = time(4, 0)


def rules_of(kiosk: KioskSettings, *, zone: ZoneInfo, device_id: str) -> ClockingRules:
    """Return the rules the settings stand for."""
    return ClockingRules(
        zone=zone,
        device_id=device_id,
        mode=DirectionMode(kiosk.direction),
        cooldown_s=kiosk.cooldown_s,
        workday_starts=kiosk.workday_starts_time,
    )


def workday(at_utc: datetime, *, zone: ZoneInfo, starts: time) -> date:
    """Return the day a moment counts for: before `starts` it is still the day before."""
    local = at_utc.astimezone(zone)
    if local.timetz().replace(tzinfo=None) < starts:
        return local.date() - timedelta(days=1)
    return local.date()


def cooldown_blocks(last: Punch | None, *, at_utc: datetime, cooldown_s: float) -> bool:
    """Tell whether a punch now would double the last one.

    A last punch that lies in the future (the clock was set back) blocks only within the cooldown,
    so that nobody is locked out for as long as the clock was wrong.
    """
    if last is None:
        return False
    return abs((at_utc - last.at_utc).total_seconds()) < cooldown_s


def next_direction(
    last: Punch | None,
    *,
    at_utc: datetime,
    rules: ClockingRules,
    asked: Direction | None = None,
) -> Direction:
    """Return the direction of a punch now.

    asked: what the person chose on the touch screen; it wins over everything but a fixed kiosk.
    Alternating starts with IN on each workday, so that a forgotten clock-out never flips the next
    day. A kiosk that asks and gets no answer alternates.
    """
    if rules.mode is DirectionMode.IN:
        return Direction.IN
    if rules.mode is DirectionMode.OUT:
        return Direction.OUT
    if asked is not None:
        return asked
    if last is None or last.direction is Direction.OUT:
        return Direction.IN
    today = workday(at_utc, zone=rules.zone, starts=rules.workday_starts)
    last_day = workday(last.at_utc, zone=rules.zone, starts=rules.workday_starts)
    return Direction.OUT if today == last_day else Direction.IN


def decide(
    last: Punch | None,
    *,
    at_utc: datetime,
    rules: ClockingRules,
    asked: Direction | None = None,
) -> Direction | AlreadyClocked:
    """Return the direction to store, or the punch that already stands.

    A different direction asked for on the touch screen is not a double punch.
    """
    chosen_otherwise = (
        rules.mode is DirectionMode.ASK
        and asked is not None
        and last is not None
        and asked is not last.direction
    )
    blocked = cooldown_blocks(last, at_utc=at_utc, cooldown_s=rules.cooldown_s)
    if last is not None and blocked and not chosen_otherwise:
        return AlreadyClocked(last)
    return next_direction(last, at_utc=at_utc, rules=rules, asked=asked)
