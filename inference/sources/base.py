"""What every source does, and how a file keeps its own time."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from attendance.ports import Clock
from attendance.types import BgrImage, Frame, read_only

Wait = Callable[[threading.Event, float], bool]
"""Wait for the event at most so many seconds; tell whether it was set."""


def wait_for_event(event: threading.Event, timeout_s: float) -> bool:
    """Wait in real time; tests hand in something that moves their fake clock instead."""
    return event.wait(timeout_s)


class Source(Protocol):
    """Where frames come from. Opened, read and closed by the capture thread alone.

    After `close` a source may be opened again.
    """

    @property
    def live(self) -> bool:
        """Whether it shows the present (camera, stream) and is worth opening again when lost."""
        ...

    @property
    def has_noise(self) -> bool:
        """Whether two equal pictures in a row never happen while it works (a camera's sensor)."""
        ...

    @property
    def description(self) -> str:
        """What the source is, in words for the screen and the log; no password in it."""
        ...

    def open(self) -> None:
        """Raises CameraError if it cannot be opened. May take 10 s and more with some cameras."""
        ...

    def read(self) -> Frame | None:
        """Return the next frame; None when a file has ended or a live source gives no more.

        Waits until the frame is due. Raises CameraError if the source is lost.
        """
        ...

    def interrupt(self) -> None:
        """Make a waiting `read` return None soon. The one method any thread may call."""
        ...

    def close(self) -> None: ...


class Playback:
    """The clock of a file: its frames are stamped by its own time, however fast it is played.

    Owned by the capture thread, but for `interrupt`.
    """

    def __init__(self, clock: Clock, *, fast: bool, wait: Wait = wait_for_event) -> None:
        self._clock = clock
        self._fast = fast
        self._wait = wait
        self._interrupted = threading.Event()
        self._start_mono_ns = clock.mono_ns()
        self._start_utc = clock.now_utc()
        self._seq = 0

    @property
    def interrupted(self) -> bool:
        return self._interrupted.is_set()

    def start(self) -> None:
        """Begin at position 0 now."""
        self._start_mono_ns = self._clock.mono_ns()
        self._start_utc = self._clock.now_utc()
        self._seq = 0

    def interrupt(self) -> None:
        """End every wait until `finish`; any thread may call it."""
        self._interrupted.set()

    def finish(self) -> None:
        self._interrupted.clear()

    def frame(self, bgr: BgrImage, *, position_s: float) -> Frame | None:
        """Stamp a picture, and wait until it is due unless played fast; None if interrupted."""
        due_ns = self._start_mono_ns + round(position_s * 1e9)
        if not self._fast:
            self._wait_until(due_ns)
        if self._interrupted.is_set():
            return None
        at_utc = self._start_utc + timedelta(seconds=position_s)
        frame = Frame(seq=self._seq, mono_ns=due_ns, at_utc=at_utc, bgr=read_only(bgr))
        self._seq += 1
        return frame

    def _wait_until(self, due_ns: int) -> None:
        while not self._interrupted.is_set():
            left_s = (due_ns - self._clock.mono_ns()) / 1e9
            if left_s <= 0:
                return
            self._wait(self._interrupted, left_s)
