"""Stand-ins for what main.py builds, so that windows are tested without camera, network or disk.

They keep the signatures of the real parts (the engine, the store, the kiosk service) as far as the
kiosk's windows use them. `make_services` puts them together.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

import numpy as np

from attendance.clocking import ClockingRules
from attendance.config import Settings, default_settings
from attendance.errors import KnownError
from attendance.kiosk import KioskService, PunchStored
from attendance.types import (
    Accepted,
    BgrImage,
    Direction,
    Face,
    Frame,
    FrameResult,
    Method,
    Person,
    PersonState,
    Punch,
    Quality,
    TrackedFace,
)
from gui.bridge import Bridge
from gui.services import Services
from inference.engine import Engine
from inference.status import EngineStatus, SourceState
from storage.rows import PersonRow, PunchRow
from storage.store import Store

T = TypeVar("T")

BERLIN = ZoneInfo("Europe/Berlin")
MORNING_UTC = datetime(2026, 11, 24, 7, 57, 12, tzinfo=UTC)
LIVE = EngineStatus(state=SourceState.LIVE, fps=25.0, models_ready=True)
ANA = Person("1001", "Ana Maria Duarte", department="Logistics")
JOE = Person("1002", "Joe Ferreira", department="Office")


def done(value: T) -> "Future[T]":
    """Return a future that has its value already."""
    future: Future[T] = Future()
    future.set_result(value)
    return future


def failed(error: BaseException) -> "Future[Any]":
    """Return a future that has failed already."""
    future: Future[Any] = Future()
    future.set_exception(error)
    return future


class FakeClock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime = MORNING_UTC) -> None:
        self._now = now
        self._mono_ns = 1_000_000_000

    def now_utc(self) -> datetime:
        return self._now

    def mono_ns(self) -> int:
        return self._mono_ns

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._mono_ns += round(seconds * 1e9)


class FakeEngine:
    """Shows whatever frame and result it was given."""

    def __init__(self) -> None:
        self.status = LIVE
        self.frame: Frame | None = None
        self.result: FrameResult | None = None
        self.source_factories: list[Callable[[], object]] = []
        self.settings: list[Settings] = []
        self.pipeline: object = None

    def latest_frame(self) -> Frame | None:
        return self.frame

    def latest_result(self) -> FrameResult | None:
        return self.result

    def replace_source(self, source_factory: Callable[[], object]) -> None:
        self.source_factories.append(source_factory)

    def replace_settings(self, settings: Settings) -> "Future[None]":
        self.settings.append(settings)
        return done(None)

    def call(self, work: Callable[[Any], T]) -> "Future[T]":
        return done(work(self.pipeline))


class FakeStore:
    """Answers at once from memory. `error`, if set, is what every read fails with."""

    def __init__(self) -> None:
        self.device_id = "kiosk-test"
        self.pin = "2580"
        self.worked = timedelta(0)
        self.rows: tuple[PunchRow, ...] = ()
        self.persons: tuple[Person, ...] = (ANA, JOE)
        self.listeners: list[Callable[[], None]] = []
        self.error: KnownError | None = None
        self.pending_checks: list[Future[bool]] = []
        self.hold_checks = False

    def add_listener(self, listener: Callable[[], None]) -> None:
        self.listeners.append(listener)

    def operator_pin_is_set(self) -> "Future[bool]":
        return self._answer(bool(self.pin))

    def set_operator_pin(self, pin: str, *, operator: str) -> "Future[None]":
        if self.error is None:
            self.pin = pin
        return self._answer(None)

    def check_operator_pin(self, pin: str) -> "Future[bool]":
        if self.hold_checks:
            self.pending_checks.append(Future())
            return self.pending_checks[-1]
        return self._answer(pin == self.pin)

    def last_punches(self, limit: int) -> "Future[tuple[PunchRow, ...]]":
        return self._answer(self.rows[:limit])

    def people(
        self, *, search: str = "", states: Sequence[PersonState] = ()
    ) -> "Future[tuple[PersonRow, ...]]":
        return self._answer(tuple(PersonRow(person, 5, None) for person in self.persons))

    def worked_today(self, staff_id: str, *, rules: ClockingRules) -> "Future[timedelta]":
        return self._answer(self.worked)

    def _answer(self, value: T) -> "Future[T]":
        return done(value) if self.error is None else failed(self.error)


@dataclass
class FakeKiosk:
    """Remembers what it was told."""

    paused: bool = False
    progresses: dict[int, float] = field(default_factory=dict)
    answers: list[tuple[int, Direction | None]] = field(default_factory=list)
    rules: list[ClockingRules] = field(default_factory=list)

    def progress(self, track_id: int) -> float:
        return self.progresses.get(track_id, 0.0)

    def answer_direction(self, track_id: int, direction: Direction | None) -> None:
        self.answers.append((track_id, direction))

    def replace_rules(self, rules: ClockingRules) -> None:
        self.rules.append(rules)


@dataclass
class Fakes:
    """The services and the stand-ins inside them, each by its own type."""

    services: Services
    engine: FakeEngine
    store: FakeStore
    kiosk: FakeKiosk
    clock: FakeClock
    saved: list[Mapping[str, Any]]


def make_services(
    data_dir: Path, values: Mapping[str, Any] | None = None, *, store: Store | None = None
) -> Fakes:
    """Return services made of stand-ins. values: settings that differ from the defaults.

    store: a real store to use instead of the stand-in.
    """
    settings = default_settings().with_values({"kiosk.sound": False, **(values or {})})
    engine, fake_store, kiosk, clock = FakeEngine(), FakeStore(), FakeKiosk(), FakeClock()
    saved: list[Mapping[str, Any]] = []
    people = {person.staff_id: person for person in fake_store.persons}

    def save_settings(changed: Mapping[str, Any]) -> Settings:
        made = services.settings.with_values(changed)
        saved.append(changed)
        return made

    services = Services(
        settings=settings,
        store=store if store is not None else cast(Store, fake_store),
        engine=cast(Engine, engine),
        kiosk=cast(KioskService, kiosk),
        clock=clock,
        data_dir=data_dir,
        zone=BERLIN,
        people=people.get,
        save_settings=save_settings,
        model_summary="MobileFaceNet int8, CPU, 2 threads",
        bridge=Bridge(),
    )
    return Fakes(services, engine, fake_store, kiosk, clock, saved)


def grey_picture(height_px: int = 480, width_px: int = 640) -> BgrImage:
    """Return a picture whose left half is darker than its right half."""
    picture = np.full((height_px, width_px, 3), 150, np.uint8)
    picture[:, : width_px // 2] = 60
    return picture


def make_frame(seq: int = 1, bgr: BgrImage | None = None) -> Frame:
    return Frame(
        seq=seq,
        mono_ns=seq * 40_000_000,
        at_utc=MORNING_UTC,
        bgr=grey_picture() if bgr is None else bgr,
    )


def make_face(
    track_id: int = 1, box_xyxy: tuple[float, float, float, float] = (260, 160, 380, 280)
) -> TrackedFace:
    face = Face(
        box_xyxy=np.array(box_xyxy, np.float32),
        landmarks=np.zeros((5, 2), np.float32),
        mesh=np.zeros((468, 3), np.float32),
        score=0.9,
    )
    return TrackedFace(track_id, face, Quality(0.8, size_px=face.size_px), match=None)


def make_result(
    frame: Frame, *faces: TrackedFace, lost_tracks: tuple[int, ...] = ()
) -> FrameResult:
    return FrameResult(frame, faces, lost_tracks=lost_tracks)


def make_punch(
    person: Person = ANA,
    direction: Direction = Direction.IN,
    *,
    at_utc: datetime = MORNING_UTC,
    sequence: int = 1,
) -> Punch:
    return Punch(
        id=f"punch-{sequence}",
        person_id=person.staff_id,
        at_utc=at_utc,
        zone="Europe/Berlin",
        offset_s=3600,
        mono_ns=0,
        direction=direction,
        method=Method.FACE,
        similarity=0.7321,
        model_id="test-model",
        device_id="kiosk-test",
        sequence=sequence,
    )


def make_accepted(person: Person = ANA, *, track_id: int = 1) -> Accepted:
    return Accepted(track_id, person.staff_id, 0.7321, 5, MORNING_UTC, 0, "test-model")


def stored_event(
    person: Person = ANA, direction: Direction = Direction.IN, *, track_id: int = 1
) -> PunchStored:
    return PunchStored(
        make_punch(person, direction), person, make_accepted(person, track_id=track_id)
    )
