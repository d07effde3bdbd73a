"""What the engine tells the rest of the program about itself."""

from dataclasses import dataclass
from enum import StrEnum

from attendance.errors import KnownError


class SourceState(StrEnum):
    """How the source is doing.

    OPENING: being opened, no picture yet. LIVE: pictures come. FROZEN: open, but no new picture
    for a while; it is opened again. LOST: closed or not there; tried again with growing pauses.
    ENDED: a file was read to its end and every frame of it was worked on. FAULT: given up; needs
    another source or another start.
    """

    OPENING = "opening"
    LIVE = "live"
    FROZEN = "frozen"
    LOST = "lost"
    ENDED = "ended"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """message: a sentence for the person in front of the kiosk; empty while all is well.

    fps: frames worked on per second, over the last two seconds. error: what is behind FROZEN, LOST
    and FAULT. models_ready: the networks are loaded.
    """

    state: SourceState = SourceState.OPENING
    message: str = ""
    fps: float = 0.0
    error: KnownError | None = None
    models_ready: bool = False


class EngineError(KnownError):
    """A worker thread of the program died too often; only a new start helps."""

    code = "engine"
    exit_code = 8
