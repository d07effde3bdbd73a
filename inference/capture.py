"""One thread that opens a source, reads it, and opens it again when it is lost or frozen."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from attendance.config import SourceSettings
from attendance.errors import CameraError, KnownError
from attendance.ports import Clock
from attendance.types import Frame
from inference.sources.base import Source, Wait, wait_for_event
from inference.status import SourceState
from inference.supervisor import Backoff

SPARSE_STEP_PX = 8
"""A quick look at every eighth pixel tells most pictures apart before all of it is compared."""

READY_POLL_S = 0.1
FIRST_FRAME_S = 10.0
"""The first picture after opening may take so long before the camera is called frozen."""
HOPELESS_READ_S = 15.0
"""A read that has not returned by then never will."""
HOPELESS_OPEN_S = 90.0
"""Some drivers take half a minute to open a camera."""


@dataclass(frozen=True, slots=True)
class CaptureReport:
    """A change of the source's state, as the capture thread saw it."""

    state: SourceState
    message: str = ""
    error: KnownError | None = None


@dataclass(frozen=True, slots=True)
class Overdue:
    """A live source that does not answer. hopeless: its thread will not come back either."""

    error: CameraError
    hopeless: bool


class StillPicture:
    """Tells for how long a camera has been giving exactly the same picture.

    Even a covered lens gives noise, so byte for byte the same picture means that the camera, its
    driver or its shutter hands out one stored picture.
    """

    def __init__(self) -> None:
        self._last: Frame | None = None
        self._since_ns = 0

    def same_for_s(self, frame: Frame) -> float:
        last, self._last = self._last, frame
        if last is None or not _equal(last, frame):
            self._since_ns = frame.mono_ns
        return (frame.mono_ns - self._since_ns) / 1e9


def _equal(one: Frame, other: Frame) -> bool:
    if one.bgr.shape != other.bgr.shape:
        return False
    sparse = (slice(None, None, SPARSE_STEP_PX), slice(None, None, SPARSE_STEP_PX))
    return np.array_equal(one.bgr[sparse], other.bgr[sparse]) and np.array_equal(one.bgr, other.bgr)


class Capture:
    """The work of one capture thread, for one source, until it ends, fails for good or is stopped.

    `deliver` is called from that thread, `report` also from the supervisor's, which asks
    `check_overdue` now and then to notice a read that does not return.
    """

    def __init__(
        self,
        source_factory: Callable[[], Source],
        *,
        deliver: Callable[[Frame], None],
        report: Callable[[CaptureReport], None],
        clock: Clock,
        settings: SourceSettings,
        first_seq: int = 0,
        ready: threading.Event | None = None,
        wait: Wait = wait_for_event,
    ) -> None:
        self._source_factory = source_factory
        self._deliver = deliver
        self._report = report
        self._clock = clock
        self._settings = settings
        self._seq = first_seq
        self._ready = ready
        self._wait = wait
        self._stop = threading.Event()
        self._source: Source | None = None
        self._told: CaptureReport | None = None
        self._waiting_since_ns: int | None = None
        self._opening = False
        self._has_frame = False

    @property
    def live(self) -> bool:
        """Whether the source shows the present; False until it is known."""
        return self._source is not None and self._source.live

    @property
    def _frozen(self) -> bool:
        return self._told is not None and self._told.state == SourceState.FROZEN

    @property
    def next_seq(self) -> int:
        return self._seq

    def stop(self) -> None:
        """Ask the thread to end; does not wait. Any thread may call it."""
        self._stop.set()
        if self._source is not None:
            self._source.interrupt()

    def check_overdue(self) -> Overdue | None:
        """Tell whether the source has been silent for too long. Called by the supervisor."""
        since_ns, source = self._waiting_since_ns, self._source
        if since_ns is None or source is None or not source.live:
            return None
        waited_s = (self._clock.mono_ns() - since_ns) / 1e9
        patience_s = self._settings.frozen_after_s
        if self._opening:
            patience_s = HOPELESS_OPEN_S
        elif not self._has_frame:
            patience_s = max(patience_s, FIRST_FRAME_S)
        if waited_s < patience_s:
            return None
        error = CameraError(
            f"{source.description} has given no new picture for {patience_s:g} seconds.",
            action="Unplug it and plug it in again, or choose another source.",
        )
        return Overdue(error, hopeless=waited_s >= max(patience_s, HOPELESS_READ_S))

    def mark_frozen(self, error: CameraError) -> None:
        """Tell that a read has not returned for too long. Called by the supervisor."""
        self._tell(SourceState.FROZEN, error)

    def run(self) -> None:
        """Read until the source ends, fails for good, or `stop` was called."""
        try:
            self._source = source = self._source_factory()
        except KnownError as error:
            self._tell(SourceState.FAULT, error)
            return
        self._tell(SourceState.OPENING)
        if not source.live:
            self._wait_until_ready()
        backoff = Backoff(
            min_s=self._settings.reconnect_min_s, max_s=self._settings.reconnect_max_s
        )
        while not self._stop.is_set():
            try:
                if self._open_and_read(source, backoff):
                    return
            except KnownError as error:
                if not source.live:
                    self._tell(SourceState.FAULT, error)
                    return
                self._tell(SourceState.LOST, error)
            self._wait(self._stop, backoff.next_s())

    def _wait_until_ready(self) -> None:
        """A file waits for the networks: nothing of it may pass unseen."""
        while self._ready is not None and not self._stop.is_set():
            if self._ready.wait(READY_POLL_S):
                return

    def _open_and_read(self, source: Source, backoff: Backoff) -> bool:
        """Open, read until lost or ended, close. True when there is nothing more to come."""
        try:
            self._has_frame = False
            self._opening = True
            self._begin_wait()
            source.open()
            self._opening = False
            return self._read(source, backoff)
        finally:
            self._opening = False
            self._end_wait()
            source.close()

    def _read(self, source: Source, backoff: Backoff) -> bool:
        still = StillPicture()
        while not self._stop.is_set():
            self._begin_wait()
            frame = source.read()
            self._end_wait()
            if frame is None:
                return self._stop.is_set() or self._ended(source)
            self._deliver(replace(frame, seq=self._seq))
            self._seq += 1
            still_s = still.same_for_s(frame) if source.has_noise else 0.0
            if still_s >= self._settings.frozen_after_s:
                self._tell(SourceState.FROZEN, _same_picture(source, still_s))
                return False
            proven = not source.has_noise or (self._has_frame and still_s == 0)
            self._has_frame = True
            if proven:
                backoff.reset()
            if proven or not self._frozen:
                self._tell(SourceState.LIVE)
        return True

    def _ended(self, source: Source) -> bool:
        if source.live:
            raise CameraError(
                f"{source.description} gives no picture any more.",
                action="Check its cable and its power.",
            )
        self._tell(SourceState.ENDED)
        return True

    def _begin_wait(self) -> None:
        self._waiting_since_ns = self._clock.mono_ns()

    def _end_wait(self) -> None:
        self._waiting_since_ns = None

    def _tell(self, state: SourceState, error: KnownError | None = None) -> None:
        """Report a state once; again only if there is something else to say about it."""
        report = CaptureReport(state, "" if error is None else str(error), error)
        told = self._told
        if self._stop.is_set() or (told and (told.state, told.message) == (state, report.message)):
            return
        self._told = report
        self._report(report)


def _same_picture(source: Source, still_s: float) -> CameraError:
    return CameraError(
        f"{source.description} has given exactly the same picture for {still_s:.1f} seconds.",
        action="Open its shutter, or unplug it and plug it in again.",
    )
