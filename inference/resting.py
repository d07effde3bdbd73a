"""While nobody is there, most frames of a camera need not be looked at."""

from attendance.types import FrameResult

REST_AFTER_NS = 20_000_000_000
"""Without a face for so long the camera is looked at more seldom."""
REST_EVERY_NS = 150_000_000
"""Then only so often; a face still wakes the idle screen well within half a second."""


class Resting:
    """Says which frames may be passed over. Owned by the inference thread; in the frames' time."""

    def __init__(self) -> None:
        self._last_face_ns: int | None = None
        self._last_work_ns: int | None = None

    def skips(self, mono_ns: int) -> bool:
        """Tell whether a live frame of this moment may be passed over."""
        if self._last_face_ns is None or self._last_work_ns is None:
            self._last_face_ns = mono_ns
            return False
        rests = mono_ns - self._last_face_ns >= REST_AFTER_NS
        return rests and 0 <= mono_ns - self._last_work_ns < REST_EVERY_NS

    def observe(self, result: FrameResult) -> None:
        """Take note of a frame that was worked on."""
        self._last_work_ns = result.frame.mono_ns
        if result.faces or self._last_face_ns is None:
            self._last_face_ns = result.frame.mono_ns
