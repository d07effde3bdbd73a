"""Video files and animated pictures, played by their own time stamps."""

from pathlib import Path

from attendance.errors import CameraError
from attendance.ports import Clock
from attendance.types import BgrImage, Frame
from inference.sources.base import Playback, Wait, wait_for_event
from inference.sources.opencv import OpenCapture, VideoCapture, open_capture, read_picture

_MPEG = (".mp4", ".m4v", ".mov", ".3gp", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts")
_OTHERS = (".mkv", ".webm", ".avi", ".wmv", ".flv", ".ogv", ".gif")
VIDEO_SUFFIXES = frozenset((*_MPEG, *_OTHERS))
FALLBACK_FPS = 25.0
SANE_FPS = (1.0, 240.0)
SANE_STEP_S = (0.001, 10.0)


class FileTimes:
    """Turns a file's time stamps into positions that start at 0 and always go forward.

    Files lie: stamps that begin anywhere, stand still, jump back or leap ahead. Such a step becomes
    one nominal frame.
    """

    def __init__(self, *, fps: float) -> None:
        low, high = SANE_FPS
        self._step_s = 1 / (fps if low <= fps <= high else FALLBACK_FPS)
        self._last_stamp_s: float | None = None
        self._position_s = 0.0

    def position_s(self, stamp_s: float) -> float:
        """Return where a frame with this stamp belongs, in seconds from the first one."""
        last_s, self._last_stamp_s = self._last_stamp_s, stamp_s
        if last_s is None:
            return 0.0
        step_s = stamp_s - last_s
        low_s, high_s = SANE_STEP_S
        self._position_s += step_s if low_s <= step_s <= high_s else self._step_s
        return self._position_s


class VideoSource:
    """A video file or an animated GIF; not live, ends with its last frame."""

    live = False
    has_noise = False

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        fast: bool = False,
        opened_with: OpenCapture = open_capture,
        wait: Wait = wait_for_event,
    ) -> None:
        self._path = path
        self._opened_with = opened_with
        self._playback = Playback(clock, fast=fast, wait=wait)
        self._capture: VideoCapture | None = None
        self._first: BgrImage | None = None
        self._times = FileTimes(fps=FALLBACK_FPS)

    @property
    def description(self) -> str:
        return f"The file {self._path.name}"

    def open(self) -> None:
        import cv2

        if not self._path.is_file():
            raise CameraError(
                f"There is no file {self._path}.", action="Check the name and the folder."
            )
        capture = self._opened_with(str(self._path), cv2.CAP_FFMPEG, ())
        self._capture = capture
        self._first = read_picture(capture) if capture.isOpened() else None
        if self._first is None:
            raise CameraError(
                f"{self.description} cannot be played: it is damaged, empty or not a video.",
                action="Try it in a video player, or choose another file.",
            )
        self._times = FileTimes(fps=capture.get(cv2.CAP_PROP_FPS))
        self._playback.start()

    def read(self) -> Frame | None:
        import cv2

        if self._capture is None or self._playback.interrupted:
            return None
        picture, self._first = self._first, None
        if picture is None:
            picture = read_picture(self._capture)
        if picture is None:
            return None
        stamp_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        return self._playback.frame(picture, position_s=self._times.position_s(stamp_s))

    def interrupt(self) -> None:
        self._playback.interrupt()

    def close(self) -> None:
        capture, self._capture = self._capture, None
        self._first = None
        self._playback.finish()
        if capture is not None:
            capture.release()
