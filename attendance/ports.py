"""What the domain needs from the layers around it, as protocols."""

from collections.abc import Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Protocol

from attendance.clocking import ClockingRules
from attendance.types import (
    Accepted,
    BgrImage,
    Clocked,
    Crop,
    Direction,
    Embedding,
    Face,
    Match,
    Quality,
)


class Clock(Protocol):
    """Time as the program sees it; tests hand in a fake one."""

    def now_utc(self) -> datetime:
        """Timezone-aware UTC."""
        ...

    def mono_ns(self) -> int:
        """Monotonic clock in nanoseconds."""
        ...


class Recorder(Protocol):
    """Stores punches. Every call returns at once; the future is done after COMMIT.

    The future fails with StorageError when nothing was stored.
    """

    def record(
        self, accepted: Accepted, *, rules: ClockingRules, direction: Direction | None = None
    ) -> "Future[Clocked]": ...


class FaceReader(Protocol):
    """Finds and measures the faces of one picture (enrolment from photos and from the camera)."""

    @property
    def model_id(self) -> str: ...

    def read(self, frame_bgr: BgrImage) -> Sequence["FaceLook"]:
        """Faces of the picture, largest first, each with quality, crop and embedding."""
        ...


class FaceLook(Protocol):
    @property
    def face(self) -> Face: ...
    @property
    def quality(self) -> Quality: ...
    @property
    def crop(self) -> Crop: ...
    @property
    def embedding(self) -> Embedding: ...


class Gallery(Protocol):
    """All templates of active people as one read-only matrix; replaced by reference."""

    @property
    def model_id(self) -> str: ...

    def __len__(self) -> int: ...

    def search(self, embedding: Embedding, *, threshold: float) -> Match: ...
