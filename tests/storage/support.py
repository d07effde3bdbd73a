"""A clock that stands still until it is told, and people and looks made up from a number."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from attendance.clocking import ClockingRules, DirectionMode
from attendance.types import Accepted, Embedding, Person, Template

BERLIN = ZoneInfo("Europe/Berlin")
MODEL = "test-network"
START = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)


class FakeClock:
    """Moves only when told."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now
        self.ns = 1_000

    def now_utc(self) -> datetime:
        return self.now

    def mono_ns(self) -> int:
        return self.ns

    def forward(self, **parts: float) -> datetime:
        self.now += timedelta(**parts)
        return self.now


def embedding(seed: int, *, model_id: str = MODEL) -> Embedding:
    """Return a unit vector that belongs to a number."""
    vec = np.random.default_rng(seed).normal(size=128).astype(np.float32)
    return Embedding(vec=vec / np.linalg.norm(vec), model_id=model_id)


def template(
    staff_id: str, *, seed: int = 0, view: str = "front", model_id: str = MODEL
) -> Template:
    return Template(
        staff_id=staff_id, embedding=embedding(seed, model_id=model_id), quality=0.75, view=view
    )


def person(staff_id: str = "17", *, name: str = "Ada Lovelace", department: str = "") -> Person:
    return Person(staff_id=staff_id, name=name, department=department, consent_utc=START)


def accepted(staff_id: str = "17", *, at_utc: datetime = START) -> Accepted:
    return Accepted(
        track_id=1,
        person_id=staff_id,
        similarity=0.8125,
        looks=3,
        at_utc=at_utc,
        mono_ns=42,
        model_id=MODEL,
    )


def clocking_rules(
    *,
    zone: ZoneInfo = BERLIN,
    mode: DirectionMode = DirectionMode.ALTERNATE,
    cooldown_s: float = 60.0,
    workday_starts: time = time(4, 0),
    device_id: str = "device-1",
) -> ClockingRules:
    return ClockingRules(
        zone=zone,
        device_id=device_id,
        mode=mode,
        cooldown_s=cooldown_s,
        workday_starts=workday_starts,
    )
