"""A kiosk with people and punches in a real store, and an engine whose faces are given."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from attendance.clocking import ClockingRules, DirectionMode
from attendance.ports import FaceLook
from attendance.types import (
    EMBEDDING_SIZE,
    Accepted,
    BgrImage,
    Crop,
    Embedding,
    Face,
    FloatArray,
    Frame,
    Person,
    PersonState,
    Quality,
    QualityFlag,
    Template,
)
from inference.engine import Engine
from inference.gallery import MatrixGallery
from inference.status import EngineStatus, SourceState
from storage.store import Store
from tests.gui.fakes import BERLIN, MORNING_UTC, FakeEngine, Fakes, make_frame, make_services

T = TypeVar("T")

MODEL_ID = "test-model"
STORE_DIR = "data"
THRESHOLDS = {"1e-3": 0.4, "1e-4": 0.5, "1e-5": 0.6, "1e-6": 0.7}
LONG = "Maximiliana Alexandrina Hohenlohe-Waldenburg-Schillingsfürst von und zu Guttenberg"
PEOPLE = (
    ("A-01", "Eileen Collins", "Flight", "Early"),
    ("A-02", "Barack Obama", "Office", "Day"),
    ("A-03", "Grace Hopper", "Computing", "Day"),
    ("A-04", "Joe Biden", "Office", "Day"),
    ("B-11", LONG, "Research and development, northern building", "Late"),
    ("B-12", "Ana Maria Duarte", "Logistics", "Early"),
    ("B-13", "Zoë Åström", "Logistics", "Night"),
    ("B-14", "José Ñúñez", "Kitchen", ""),
    ("C-21", "Wei Zhang", "Computing", "Day"),
    ("C-22", "Олена Шевченко", "Computing", "Day"),
    ("C-23", "Νίκος Παπαδόπουλος", "Kitchen", ""),
    ("C-24", "Priya Raghunathan", "", ""),
)


@dataclass(frozen=True, slots=True)
class Look:
    """A face as the reader measures it."""

    face: Face
    quality: Quality
    crop: Crop
    embedding: Embedding


def unit(seed: int) -> FloatArray:
    """Return a random direction; two seeds give nearly orthogonal ones."""
    vec = np.random.default_rng(seed).standard_normal(EMBEDDING_SIZE).astype(np.float32)
    return cast(FloatArray, vec / np.linalg.norm(vec))


def make_look(
    seed: int = 1,
    *,
    yaw_deg: float = 0.0,
    pitch_deg: float = 0.0,
    score: float = 0.8,
    flags: Sequence[QualityFlag] = (),
    size_px: float = 200.0,
    crop_bgr: BgrImage | None = None,
    model_id: str = MODEL_ID,
) -> Look:
    """Return a look of the person of this seed."""
    left, top = 320 - size_px / 2, 220 - size_px / 2
    face = Face(
        box_xyxy=np.array([left, top, left + size_px, top + size_px], np.float32),
        landmarks=np.zeros((5, 2), np.float32),
        mesh=np.zeros((468, 3), np.float32),
        score=0.95,
    )
    quality = Quality(
        score, frozenset(flags), yaw_deg=yaw_deg, pitch_deg=pitch_deg, size_px=size_px
    )
    crop = np.full((112, 96, 3), 40 + seed * 13 % 180, np.uint8) if crop_bgr is None else crop_bgr
    return Look(face, quality, Crop(crop), Embedding(unit(seed), model_id))


class GivenReader:
    """Answers with the looks it was given, whatever the picture."""

    def __init__(self) -> None:
        self.looks: Sequence[FaceLook] = ()
        self.model_id = MODEL_ID
        self.pictures: list[BgrImage] = []

    def read(self, frame_bgr: BgrImage) -> Sequence[FaceLook]:
        self.pictures.append(frame_bgr)
        return self.looks


@dataclass
class GivenPipeline:
    reader: GivenReader = field(default_factory=GivenReader)
    gallery: MatrixGallery = field(
        default_factory=lambda: gallery_of({}),
    )


def gallery_of(people: Mapping[str, int]) -> MatrixGallery:
    """Return a gallery with one template for each staff id, made from its seed."""
    vectors = np.array([unit(seed) for seed in people.values()], np.float32)
    return MatrixGallery(
        MODEL_ID,
        tuple(people),
        vectors.reshape(-1, EMBEDDING_SIZE),
        thresholds=THRESHOLDS,
    )


class SceneEngine(FakeEngine):
    """Runs calls at once in a thread of its own, as the real one does; `frame` moves on."""

    def __init__(self) -> None:
        super().__init__()
        self.given = GivenPipeline()
        self.pipeline = self.given
        self.held: list[Callable[[], None]] = []
        self.holds = False
        self._threads: list[threading.Thread] = []

    def show(self, *looks: FaceLook, bgr: BgrImage | None = None) -> Frame:
        """Make the next frame, 100 ms later, with these faces on it."""
        seq = 1 if self.frame is None else self.frame.seq + 1
        frame = make_frame(seq, bgr)
        self.frame = Frame(seq, seq * 100_000_000, MORNING_UTC, frame.bgr)
        self.given.reader.looks = looks
        return self.frame

    def lose(self, sentence: str) -> None:
        self.status = EngineStatus(SourceState.LOST, sentence, models_ready=True)
        self.frame = None

    def call(self, work: Callable[[Any], T]) -> "Future[T]":
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(work(self.pipeline))
            except Exception as error:  # noqa: BLE001 - the future carries it
                future.set_exception(error)

        if self.holds:
            self.held.append(run)
        else:
            thread = threading.Thread(target=run, daemon=True)
            self._threads.append(thread)
            thread.start()
        return future

    def release(self) -> None:
        """Run what was held."""
        held, self.held = self.held, []
        for run in held:
            run()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(5)
        self._threads.clear()


@dataclass
class Scene:
    """Services on a real store, with the stand-ins inside them."""

    fakes: Fakes
    store: Store
    engine: SceneEngine

    def close(self) -> None:
        self.engine.join()
        self.store.close()


def make_scene(data_dir: Path, values: Mapping[str, Any] | None = None) -> Scene:
    """Return services on the store of this directory, a new one if there is none."""
    clock_fakes = make_services(data_dir)
    store = Store.open(data_dir / STORE_DIR, clock=clock_fakes.clock)
    fakes = make_services(data_dir, values, store=store)
    engine = SceneEngine()
    fakes.services.engine = cast(Engine, engine)

    def person(staff_id: str) -> Person | None:
        return store.person(staff_id).result()

    fakes.services.people = person
    return Scene(fakes, store, engine)


def templates_for(staff_id: str, seed: int, *, count: int = 5) -> tuple[Template, ...]:
    return tuple(
        Template(staff_id, Embedding(unit(seed), MODEL_ID), quality=0.8, view=f"view-{index}")
        for index in range(count)
    )


def add_people(scene: Scene, people: Sequence[tuple[str, str, str, str]] = PEOPLE) -> None:
    """Enrol these people: staff id, name, department, shift."""
    for seed, (staff_id, name, department, shift) in enumerate(people, start=100):
        person = Person(staff_id, name, department=department, shift=shift, consent_utc=MORNING_UTC)
        scene.store.enrol(person, templates_for(staff_id, seed), operator="test").result()


def add_punches(scene: Scene, *, days: int) -> None:
    """Have everybody active clock in and out on each of the last days."""
    rules = ClockingRules(
        zone=BERLIN,
        device_id=scene.store.device_id,
        mode=DirectionMode.ALTERNATE,
        cooldown_s=60,
    )
    rows = scene.store.people(states=(PersonState.ACTIVE,)).result()
    futures = []
    for day in range(days, -1, -1):
        for hour in (0, 8):
            for place, row in enumerate(rows):
                at_utc = MORNING_UTC - timedelta(days=day, minutes=50 - 4 * place - 60 * hour)
                if at_utc <= MORNING_UTC:
                    accepted = Accepted(
                        1, row.person.staff_id, 0.6 + place / 50, 4, at_utc, 0, MODEL_ID
                    )
                    futures.append(scene.store.record(accepted, rules=rules))
    for future in futures:
        future.result()


__all__ = [
    "LONG",
    "MODEL_ID",
    "PEOPLE",
    "STORE_DIR",
    "GivenPipeline",
    "Look",
    "Scene",
    "SceneEngine",
    "add_people",
    "add_punches",
    "gallery_of",
    "make_look",
    "make_scene",
    "templates_for",
    "unit",
]
