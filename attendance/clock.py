"""The one place that reads the wall clock, the monotonic clock and the zone."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from attendance.errors import ConfigError

LOCALTIME = Path("/etc/localtime")
TIMEZONE_FILE = Path("/etc/timezone")


class SystemClock:
    """The machine's own clocks."""

    def now_utc(self) -> datetime:
        return datetime.now(UTC)

    def mono_ns(self) -> int:
        return time.monotonic_ns()


def zone_named(name: str) -> ZoneInfo:
    """Return the IANA zone.

    Raises ConfigError if there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(
            f"There is no time zone named «{name}».",
            action="Use an IANA name such as Europe/Berlin or Asia/Shanghai.",
        ) from error


def system_zone_name() -> str:
    """Return the IANA name of the machine's zone, or UTC where the machine does not say."""
    candidates = [os.environ.get("TZ", "").removeprefix(":")]
    if LOCALTIME.is_symlink():
        _, found, tail = str(LOCALTIME.resolve()).partition("zoneinfo/")
        candidates.append(tail if found else "")
    if TIMEZONE_FILE.is_file():
        candidates.append(TIMEZONE_FILE.read_text(encoding="utf-8", errors="replace").strip())
    for name in candidates:
        if not name:
            continue
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
        return name
    return "UTC"


def offset_s(at_utc: datetime, zone: ZoneInfo) -> int:
    """Return the seconds east of UTC in that zone at that moment."""
    offset = at_utc.astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())
