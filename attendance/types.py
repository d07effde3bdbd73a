"""The values that travel through Clockface, one frozen dataclass a stage.

Arrays inside are set read-only; a stage never changes what it was given.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

BgrImage = NDArray[np.uint8]
"""uint8 (H, W, 3), blue-green-red."""
FloatArray = NDArray[np.float32]

CROP_SIZE_HW = (112, 96)
EMBEDDING_SIZE = 128

_Array = TypeVar("_Array", bound=NDArray[Any])


def read_only(array: _Array) -> _Array:
    """Return a view of the array that cannot be written through."""
    view = array.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture from a source.

    seq: counts up by one for each frame the source delivered. mono_ns: monotonic clock, ns; for
    files the clock of the file itself (start + position), so that decisions do not depend on how
    fast the file is played. at_utc: timezone-aware UTC.
    """

    seq: int
    mono_ns: int
    at_utc: datetime
    bgr: BgrImage

    @property
    def size_hw(self) -> tuple[int, int]:
        return self.bgr.shape[0], self.bgr.shape[1]


@dataclass(frozen=True, slots=True)
class Face:
    """One detected face.

    box_xyxy: float32 (4,), pixels of the frame. landmarks: float32 (5, 2), pixels, order left eye,
    right eye, nose, left mouth corner, right mouth corner (left as seen in the picture).
    mesh: float32 (468, 3), pixels. score: detector's probability in [0, 1]. mesh_score: the mesh
    network's own probability that this is a face, in [0, 1].
    """

    box_xyxy: FloatArray
    landmarks: FloatArray
    mesh: FloatArray
    score: float
    mesh_score: float = 1.0

    @property
    def size_px(self) -> float:
        """Longer side of the box in pixels."""
        x0, y0, x1, y1 = (float(v) for v in self.box_xyxy)
        return max(x1 - x0, y1 - y0)

    @property
    def centre_xy(self) -> tuple[float, float]:
        x0, y0, x1, y1 = (float(v) for v in self.box_xyxy)
        return (x0 + x1) / 2, (y0 + y1) / 2


@dataclass(frozen=True, slots=True)
class Crop:
    """A face warped to the 112 × 96 template: BGR uint8 (112, 96, 3)."""

    bgr: BgrImage


class QualityFlag(StrEnum):
    """Why a look at a face is not good enough; ordered from the most to the least helpful hint."""

    CUT_OFF = "cut-off"
    TOO_SMALL = "too-small"
    TOO_DARK = "too-dark"
    TOO_BRIGHT = "too-bright"
    NOT_FRONTAL = "not-frontal"
    EYES_CLOSED = "eyes-closed"
    BLURRED = "blurred"
    LOW_SCORE = "low-score"


@dataclass(frozen=True, slots=True)
class Quality:
    """How usable one look at a face is.

    score: in [0, 1], the weight of the look in the vote. flags: empty if the look may be used.
    Angles in degrees: yaw > 0 when the person turns to the right side of the picture, pitch > 0
    when looking up, roll > 0 when the head leans clockwise in the picture. brightness: mean luma of
    the face in the crop, 0 to 255. sharpness: variance of the Laplacian of that luma, as if its
    mean were 128.
    """

    score: float
    flags: frozenset[QualityFlag] = frozenset()
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    brightness: float = 128.0
    sharpness: float = 0.0
    size_px: float = 0.0

    @property
    def usable(self) -> bool:
        return not self.flags

    @property
    def worst_flag(self) -> QualityFlag | None:
        return next((flag for flag in QualityFlag if flag in self.flags), None)


@dataclass(frozen=True, slots=True)
class Embedding:
    """vec: float32 (128,), unit length; model_id: the network that made it (any precision)."""

    vec: FloatArray
    model_id: str


@dataclass(frozen=True, slots=True)
class Match:
    """The nearest person in the gallery.

    person_id: None when nobody reaches the threshold. similarity, runner_up: cosine of the nearest
    and of the second nearest person, in [-1, 1]; runner_up is -1 with fewer than two people.
    nearest_id, runner_up_id: who they are, whether or not the threshold was reached.
    """

    person_id: str | None
    similarity: float
    runner_up: float
    threshold: float
    nearest_id: str | None = None
    runner_up_id: str | None = None


@dataclass(frozen=True, slots=True)
class TrackedFace:
    """One look at a track: what the pipeline knows of one face in one frame.

    match is None when the look was not embedded (quality, or not its turn).
    age: how many frames the track has been seen.
    """

    track_id: int
    face: Face
    quality: Quality
    match: Match | None
    age: int = 1
    embedding: Embedding | None = None


@dataclass(frozen=True, slots=True)
class FrameResult:
    """Everything the pipeline made of one frame.

    faces: nearest (largest) first. stage_ms: time by stage name (detect, track, landmarks, quality,
    align, embed, search). lost_tracks: ids of the tracks that ended with this frame.
    """

    frame: Frame
    faces: tuple[TrackedFace, ...]
    stage_ms: Mapping[str, float] = field(default_factory=dict)
    lost_tracks: tuple[int, ...] = ()


class Reason(StrEnum):
    """Why a track was not accepted."""

    UNKNOWN = "unknown"
    TIE = "tie"
    COOLDOWN = "cooldown"
    TOO_DARK = "too-dark"
    TOO_BRIGHT = "too-bright"
    COME_CLOSER = "come-closer"
    LOOK_AT_CAMERA = "look-at-camera"
    HOLD_STILL = "hold-still"
    MOVE_INTO_VIEW = "move-into-view"
    OPEN_EYES = "open-eyes"
    NOT_STORED = "not-stored"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A track is this person. looks: how many looks voted; similarity: weighted mean cosine."""

    track_id: int
    person_id: str
    similarity: float
    looks: int
    at_utc: datetime
    mono_ns: int
    model_id: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A track is not accepted, and why. at_utc: when."""

    track_id: int
    reason: Reason
    at_utc: datetime
    mono_ns: int


Decision = Accepted | Rejected


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


class Method(StrEnum):
    FACE = "face"
    PIN = "pin"
    QR = "qr"
    MANUAL = "manual"


class PersonState(StrEnum):
    ACTIVE = "active"
    INACTIVE = "inactive"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can clock in. staff_id is unique; consent_utc: when consent was given."""

    staff_id: str
    name: str
    department: str = ""
    shift: str = ""
    state: PersonState = PersonState.ACTIVE
    consent_utc: datetime | None = None
    created_utc: datetime | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """One enrolled embedding of one person.

    template_id: 0 until stored. view: front, left, right, up, down, or photo.
    """

    staff_id: str
    embedding: Embedding
    quality: float
    view: str = "photo"
    template_id: int = 0
    created_utc: datetime | None = None


@dataclass(frozen=True, slots=True)
class Punch:
    """One stored clock-in or clock-out.

    id: UUIDv7. person_id: the staff id. at_utc: timezone-aware UTC. zone: IANA name. offset_s:
    seconds east of UTC at that moment. mono_ns: monotonic reading. similarity: None unless made by
    face. sequence: counts up by one on this device without a gap, from 1.
    """

    id: str
    person_id: str
    at_utc: datetime
    zone: str
    offset_s: int
    mono_ns: int
    direction: Direction
    method: Method
    similarity: float | None
    model_id: str
    device_id: str
    sequence: int


@dataclass(frozen=True, slots=True)
class AlreadyClocked:
    """The answer to a second punch within the cooldown: the punch that stands."""

    punch: Punch


Clocked = Punch | AlreadyClocked
