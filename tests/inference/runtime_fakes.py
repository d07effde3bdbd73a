"""A clock, a camera, a source and a pipeline that do what a test tells them."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from attendance.config import Settings, SourceSettings, default_settings
from attendance.errors import CameraError, KnownError
from attendance.ports import FaceReader, Gallery
from attendance.types import BgrImage, Embedding, Face, Frame, FrameResult
from inference.sources.opencv import VideoCapture

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class FakeClock:
    """Stands still until it is moved. Any thread may read it."""

    def __init__(self, *, step_s: float = 0.0) -> None:
        """step_s: how far each reading of the monotonic clock moves it on."""
        self._step_ns = round(step_s * 1e9)
        self._elapsed_ns = 0
        self._lock = threading.Lock()

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._elapsed_ns += round(seconds * 1e9)

    def now_utc(self) -> datetime:
        return START + timedelta(microseconds=self._elapsed_ns / 1000)

    def mono_ns(self) -> int:
        with self._lock:
            self._elapsed_ns += self._step_ns
            return 1_000_000_000 + self._elapsed_ns

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Stand-in for waiting: moves the clock on instead."""
        if not event.is_set():
            self.advance(timeout_s)
        return event.is_set()


def source_settings(**changes: Any) -> SourceSettings:
    values = {"source.reconnect_min_s": 0.05, "source.reconnect_max_s": 0.1}
    values |= {f"source.{name}": value for name, value in changes.items()}
    return default_settings().with_values(values).source


def picture(value: int = 0, *, size_hw: tuple[int, int] = (24, 32)) -> BgrImage:
    return np.full((*size_hw, 3), value, np.uint8)


def frame(seq: int = 0, *, at_s: float = 0.0, bgr: BgrImage | None = None) -> Frame:
    return Frame(
        seq=seq,
        mono_ns=1_000_000_000 + round(at_s * 1e9),
        at_utc=START + timedelta(seconds=at_s),
        bgr=picture(seq % 256) if bgr is None else bgr,
    )


def face(centre_x: float, centre_y: float = 200.0, *, size_px: float = 100.0) -> Face:
    half = size_px / 2
    box = np.array([centre_x - half, centre_y - half, centre_x + half, centre_y + half], np.float32)
    return Face(box, np.zeros((5, 2), np.float32), np.zeros((468, 3), np.float32), score=0.9)


def embedding(*weights: float, model_id: str = "fake") -> Embedding:
    """A unit vector with these first components."""
    vec = np.zeros(128, np.float32)
    vec[: len(weights)] = weights
    return Embedding(vec / np.linalg.norm(vec), model_id)


class FakeCapture:
    """A cv2.VideoCapture that gives these pictures; None is a read that fails."""

    def __init__(
        self,
        pictures: Iterable[BgrImage | None] = (),
        *,
        opened: bool = True,
        stamps_ms: Sequence[float] = (),
        fps: float = 25.0,
    ) -> None:
        self._pictures: Iterator[BgrImage | None] = iter(pictures)
        self._opened = opened
        self._stamps_ms = iter(stamps_ms)
        self._fps = fps
        self.settings: dict[int, float] = {}
        self.released = False

    def isOpened(self) -> bool:  # noqa: N802
        return self._opened and not self.released

    def read(self) -> tuple[bool, Any]:
        given = next(self._pictures, None)
        return given is not None, given

    def get(self, propId: int) -> float:  # noqa: N803
        import cv2

        return self._fps if propId == cv2.CAP_PROP_FPS else next(self._stamps_ms, 0.0)

    def set(self, propId: int, value: float) -> bool:  # noqa: N803
        self.settings[propId] = value
        return True

    def release(self) -> None:
        self.released = True


class Opener:
    """Stands in for open_capture: hands out these captures in turn and remembers the targets."""

    def __init__(self, *captures: VideoCapture) -> None:
        self._captures = iter(captures)
        self.targets: list[int | str] = []
        self.parameters: list[tuple[int, ...]] = []

    def __call__(self, target: int | str, backend: int, parameters: Sequence[int]) -> VideoCapture:
        self.targets.append(target)
        self.parameters.append(tuple(parameters))
        return next(self._captures)


Step = BgrImage | KnownError | Exception | Callable[[], None] | None
"""What one read gives: a picture, an error to raise, something to do first, or nothing more."""


class ScriptedSource:
    """A source that opens and reads as its script says.

    openings: one list of steps for each opening; a CameraError instead of a list fails the
    opening. After the last opening it fails for ever.
    """

    description = "The test's source"

    def __init__(
        self,
        *openings: Sequence[Step] | CameraError,
        clock: FakeClock,
        live: bool = True,
        has_noise: bool = False,
        step_s: float = 0.04,
    ) -> None:
        self.live = live
        self.has_noise = has_noise
        self._clock = clock
        self._openings = iter(openings)
        self._steps: Iterator[Step] = iter(())
        self._step_s = step_s
        self._seq = 0
        self.interrupted = threading.Event()
        self.opened = 0
        self.closed = 0

    def open(self) -> None:
        self.opened += 1
        opening = next(self._openings, CameraError("It is gone."))
        if isinstance(opening, CameraError):
            raise opening
        self._steps = iter(opening)

    def read(self) -> Frame | None:
        for step in self._steps:
            if isinstance(step, Exception):
                raise step
            if step is None:
                return None
            if isinstance(step, np.ndarray):
                return self._frame(step)
            step()
            if self.interrupted.is_set():
                return None
        return None

    def _frame(self, bgr: BgrImage) -> Frame:
        self._clock.advance(self._step_s)
        self._seq += 1
        return Frame(self._seq, self._clock.mono_ns(), self._clock.now_utc(), bgr)

    def interrupt(self) -> None:
        self.interrupted.set()

    def close(self) -> None:
        self.closed += 1


class FakePipeline:
    """Remembers what it was given; `fail` is raised by the next `process`."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.galleries: list[Gallery] = []
        self.settings: list[Settings] = []
        self.resets = 0
        self.threads: set[str] = set()
        self.fail: Exception | None = None

    @property
    def reader(self) -> FaceReader:
        return cast("FaceReader", SimpleNamespace(model_id="fake"))

    @property
    def gallery(self) -> Gallery:
        return self.galleries[-1]

    def process(self, frame: Frame) -> FrameResult:
        self.threads.add(threading.current_thread().name)
        if self.fail is not None:
            error, self.fail = self.fail, None
            raise error
        self.frames.append(frame)
        return FrameResult(frame=frame, faces=())

    def replace_gallery(self, gallery: Gallery) -> None:
        self.galleries.append(gallery)

    def replace_settings(self, settings: Settings) -> None:
        self.settings.append(settings)

    def reset(self) -> None:
        self.resets += 1
