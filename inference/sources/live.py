"""What cameras and streams have in common: frames are stamped when they arrive."""

from attendance.ports import Clock
from attendance.types import Frame, read_only
from inference.sources.opencv import VideoCapture, read_picture


class LiveSource:
    """An open VideoCapture that shows the present. A subclass opens it and hands it over."""

    live = True

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._capture: VideoCapture | None = None
        self._interrupted = False
        self._seq = 0

    def read(self) -> Frame | None:
        if self._capture is None or self._interrupted:
            return None
        picture = read_picture(self._capture)
        if picture is None or self._interrupted:
            return None
        frame = Frame(
            seq=self._seq,
            mono_ns=self._clock.mono_ns(),
            at_utc=self._clock.now_utc(),
            bgr=read_only(picture),
        )
        self._seq += 1
        return frame

    def interrupt(self) -> None:
        self._interrupted = True

    def close(self) -> None:
        capture, self._capture = self._capture, None
        self._interrupted = False
        if capture is not None:
            capture.release()

    def _take_over(self, capture: VideoCapture) -> None:
        self._capture = capture
