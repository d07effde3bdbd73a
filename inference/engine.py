"""Capture, inference and supervision: the threads between a source and the kiosk policy."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from attendance.config import Settings, SourceSettings
from attendance.errors import KnownError
from attendance.ports import Clock, Gallery
from attendance.types import Frame, FrameResult
from inference.calls import CallQueue
from inference.capture import Capture, CaptureReport, Overdue
from inference.ports import FramePipeline
from inference.resting import Resting
from inference.slot import BlockingSlot, LatestSlot, Slot
from inference.sources.base import Source
from inference.status import EngineError, EngineStatus, SourceState
from inference.supervisor import RestartBudget

__all__ = ["Engine", "EngineStatus", "SourceState"]

CAPTURE = "capture"
INFERENCE = "inference"
SUPERVISOR = "supervisor"
SUPERVISOR_TICK_S = 0.25
FPS_WINDOW_NS = 2_000_000_000
MAX_STUCK = 3
"""No further thread is started while so many stuck ones have not come back."""

HANDOVER_S = 2.0
"""A new capture thread waits so long for the old one to let go of the device."""

T = TypeVar("T")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Queued:
    """A frame on its way, and the capture it came from."""

    capture: Capture
    frame: Frame


class Engine:
    """Runs a source through a pipeline and tells what comes of it.

    Threads: `clockface-capture` (owns the source), `clockface-inference` (owns the pipeline, so
    every ONNX session and the gallery) and `clockface-supervisor` (starts dead workers again, at
    most 5 times in 60 s, and notices reads that never return). `on_result` is called from the
    inference thread; `on_status` from all three, one call at a time and in order; neither may
    call `stop`. Every public method may be called from any thread.

    fast: a file is read as fast as the pipeline goes and no frame of it is dropped; the source
    must have been made for it too (`open_source(..., fast=True)`).
    """

    def __init__(
        self,
        *,
        pipeline_factory: Callable[[], FramePipeline],
        source_factory: Callable[[], Source],
        on_result: Callable[[FrameResult], None],
        on_status: Callable[[EngineStatus], None],
        clock: Clock,
        source_settings: SourceSettings,
        fast: bool = False,
    ) -> None:
        self._pipeline_factory = pipeline_factory
        self._source_factory = source_factory
        self._on_result = on_result
        self._on_status = on_status
        self._clock = clock
        self._source_settings = source_settings
        self._slot: Slot[_Queued] = BlockingSlot() if fast else LatestSlot()
        self._lock = threading.RLock()  # guards the threads and the capture
        self._publish_lock = threading.RLock()  # guards the status and its order
        self._stop = threading.Event()
        self._attention = threading.Event()
        self._models_ready = threading.Event()
        self._ended = threading.Event()
        self._status = EngineStatus()
        self._latest_frame: Frame | None = None
        self._latest_result: FrameResult | None = None
        self._calls = CallQueue()
        self._gallery: Gallery | None = None
        self._settings: Settings | None = None
        self._capture: Capture | None = None
        self._ended_capture: Capture | None = None
        self._threads: dict[str, threading.Thread] = {}
        self._stuck: list[threading.Thread] = []
        self._dead: deque[str] = deque()
        self._budgets = {CAPTURE: RestartBudget(), INFERENCE: RestartBudget()}
        self._fault: KnownError | None = None
        self._done_ns: deque[int] = deque()
        self._resting = Resting()

    @property
    def status(self) -> EngineStatus:
        return self._status

    @property
    def dropped(self) -> int:
        """How many frames were replaced by a newer one before they were worked on."""
        return self._slot.dropped

    def latest_frame(self) -> Frame | None:
        """Return the newest frame of the source, worked on or not."""
        return self._latest_frame

    def latest_result(self) -> FrameResult | None:
        return self._latest_result

    def start(self) -> None:
        """Start the threads; returns at once. An engine is started once."""
        with self._lock:
            if self._threads:
                raise RuntimeError("The engine was started before.")
            self._start_thread(INFERENCE, self._infer)
            self._start_capture()
            self._start_thread(SUPERVISOR, self._supervise)

    def stop(self, timeout_s: float = 5.0) -> bool:
        """Stop the threads in order: capture, inference, supervisor; may be called again.

        False if one did not end in time (a camera driver that hangs): it is a daemon thread and
        cannot keep the program from ending. Calls that wait are cancelled.
        """
        deadline_s = time.monotonic() + timeout_s
        with self._lock:
            self._stop.set()
            if self._capture is not None:
                self._capture.stop()
            self._slot.close()
            self._attention.set()
            threads = dict(self._threads)
        ended = True
        for name in (CAPTURE, INFERENCE, SUPERVISOR):
            thread = threads.get(name)
            if thread is None or thread is threading.current_thread():
                continue
            thread.join(max(0.0, deadline_s - time.monotonic()))
            if thread.is_alive():
                ended = False
                logger.warning("The thread %s did not end within %g s.", thread.name, timeout_s)
        self._calls.refuse(self._fault)
        self._ended.set()
        return ended

    def wait_ended(self, timeout_s: float | None = None) -> bool:
        """Wait until a file was worked on to its end, a fault gave up, or `stop` was called."""
        return self._ended.wait(timeout_s)

    def replace_source(self, source_factory: Callable[[], Source]) -> None:
        """Read from another source from now on; every track is forgotten. Returns at once."""
        with self._lock:
            self._source_factory = source_factory
            if self._stop.is_set() or not self._threads:
                return
            if self._capture is not None:
                self._capture.stop()
            if self._fault is None:
                self._ended.clear()
            self._start_capture(first=lambda: self.call(lambda pipeline: pipeline.reset()))

    def replace_gallery(self, gallery: Gallery) -> "Future[None]":
        """Search this gallery from the next frame on.

        The future fails with ModelError if the gallery belongs to another model; the one in use
        then stays.
        """

        def apply(pipeline: FramePipeline) -> None:
            pipeline.replace_gallery(gallery)
            self._gallery = gallery

        return self.call(apply)

    def replace_settings(self, settings: Settings) -> "Future[None]":
        """Use these settings from the next frame on."""

        def apply(pipeline: FramePipeline) -> None:
            pipeline.replace_settings(settings)
            self._settings = settings

        self._source_settings = settings.source
        return self.call(apply)

    def call(self, work: Callable[[FramePipeline], T]) -> "Future[T]":
        """Run something with the pipeline in the inference thread, between two frames.

        The future fails with what `work` raised, or with the error that keeps the networks from
        loading; it is cancelled if the engine stops first.
        """
        future = self._calls.add(work)
        self._slot.poke()
        if self._stop.is_set() or self._fault is not None:
            self._calls.refuse(self._fault)
        return future

    # ---- threads -----------------------------------------------------------------------------

    def _start_thread(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(
            target=self._guarded, args=(name, work), name=f"clockface-{name}", daemon=True
        )
        self._threads[name] = thread
        thread.start()

    def _guarded(self, name: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:
            logger.exception("The %s thread died.", name)
            self._dead.append(name)
            self._attention.set()

    def _start_capture(self, *, first: Callable[[], object] = lambda: None) -> None:
        """Put a new capture in the place of the old one. first: done before its first frame."""
        first_seq = 0 if self._capture is None else self._capture.next_seq
        previous = self._threads.get(CAPTURE)
        # The two closures need the capture they belong to: what an old one says does not count.
        capture = Capture(
            self._source_factory,
            deliver=lambda frame: self._on_frame(capture, frame),
            report=lambda report: self._on_report(capture, report),
            clock=self._clock,
            settings=self._source_settings,
            first_seq=first_seq,
            ready=self._models_ready,
        )
        self._capture = capture
        self._ended_capture = None
        first()

        def work() -> None:
            if previous is not None:
                previous.join(HANDOVER_S)
            capture.run()

        self._start_thread(CAPTURE, work)

    # ---- capture thread ----------------------------------------------------------------------

    def _on_frame(self, capture: Capture, frame: Frame) -> None:
        if capture is self._capture:
            self._latest_frame = frame
            self._slot.put(_Queued(capture, frame))

    def _on_report(self, capture: Capture, report: CaptureReport) -> None:
        if capture is not self._capture:
            return
        if report.state == SourceState.ENDED:
            self._ended_capture = capture
            self._slot.poke()
            return
        log = logger.info if report.error is None else logger.warning
        log("The source is %s. %s", report.state, report.message)
        changes: dict[str, Any] = {} if report.state == SourceState.LIVE else {"fps": 0.0}
        self._publish(state=report.state, message=report.message, error=report.error, **changes)
        if report.state == SourceState.FAULT:
            self._ended.set()

    # ---- inference thread --------------------------------------------------------------------

    def _infer(self) -> None:
        self._models_ready.clear()
        self._publish(models_ready=False)
        try:
            pipeline = self._pipeline_factory()
            if self._settings is not None:
                pipeline.replace_settings(self._settings)
            if self._gallery is not None:
                pipeline.replace_gallery(self._gallery)
            self._calls.run(pipeline)
            self._models_ready.set()
            self._publish(models_ready=True)
            while not self._stop.is_set():
                queued = self._slot.take()
                self._calls.run(pipeline)
                if queued is None:
                    self._check_ended()
                elif queued.capture is self._capture and not self._may_rest(queued):
                    self._work_on(pipeline, queued.frame)
        except KnownError as error:
            # Nothing would be different at the next attempt.
            logger.error("Recognition stopped: %s", error)  # noqa: TRY400 — a known error
            self._give_up(error)

    def _may_rest(self, queued: _Queued) -> bool:
        return queued.capture.live and self._resting.skips(queued.frame.mono_ns)

    def _work_on(self, pipeline: FramePipeline, frame: Frame) -> None:
        result = pipeline.process(frame)
        self._resting.observe(result)
        self._latest_result = result
        self._on_result(result)
        now_ns = self._clock.mono_ns()
        before_ns = self._done_ns[-1] if self._done_ns else now_ns
        self._done_ns.append(now_ns)
        while now_ns - self._done_ns[0] > FPS_WINDOW_NS:
            self._done_ns.popleft()
        if now_ns // 1_000_000_000 != before_ns // 1_000_000_000:
            self._publish(fps=self._fps())

    def _fps(self) -> float:
        elapsed_ns = self._done_ns[-1] - self._done_ns[0]
        return round((len(self._done_ns) - 1) * 1e9 / elapsed_ns, 1) if elapsed_ns else 0.0

    def _check_ended(self) -> None:
        with self._lock:
            ended = self._ended_capture is not None and self._ended_capture is self._capture
            self._ended_capture = None
        if ended:
            logger.info("The source has ended.")
            self._publish(state=SourceState.ENDED, message="", error=None, fps=0.0)
            self._ended.set()

    # ---- supervisor thread -------------------------------------------------------------------

    def _supervise(self) -> None:
        while not self._stop.is_set():
            self._attention.wait(SUPERVISOR_TICK_S)
            self._attention.clear()
            with self._lock:
                if self._stop.is_set():
                    return
                while self._dead:
                    self._revive(self._dead.popleft())
            self._watch_reads()

    def _revive(self, name: str) -> None:
        if self._budgets[name].spend(mono_ns=self._clock.mono_ns()):
            logger.warning("The %s thread is started again.", name)
            if name == CAPTURE:
                self._start_capture()
            else:
                self._start_thread(INFERENCE, self._infer)
            return
        fault = EngineError(
            f"The {name} part of the program failed again and again.",
            action="Start Clockface again; the log says what went wrong.",
        )
        if name == CAPTURE and self._capture is not None:
            self._on_report(self._capture, CaptureReport(SourceState.FAULT, str(fault), fault))
        else:
            self._give_up(fault)

    def _watch_reads(self) -> None:
        """Call a live source frozen when a read does not return, and leave a hopeless one."""
        capture = self._capture
        if capture is None:
            return
        match capture.check_overdue():
            case Overdue(error=error, hopeless=hopeless):
                capture.mark_frozen(error)
                if hopeless:
                    self._abandon(capture)

    def _abandon(self, capture: Capture) -> None:
        with self._lock:
            self._stuck = [thread for thread in self._stuck if thread.is_alive()]
            if self._stop.is_set() or len(self._stuck) >= MAX_STUCK:
                return
            logger.warning("A read has not returned; the source is opened again beside it.")
            self._stuck.append(self._threads[CAPTURE])
            capture.stop()
            self._start_capture()

    # ---- status ------------------------------------------------------------------------------

    def _give_up(self, error: KnownError) -> None:
        with self._lock:
            self._fault = error
            if self._capture is not None:
                self._capture.stop()
            self._slot.close()
        self._publish(models_ready=False, fps=0.0)
        self._calls.refuse(self._fault)
        self._ended.set()

    def _publish(self, **changes: Any) -> None:
        with self._publish_lock:
            if self._fault is not None:
                changes |= {
                    "state": SourceState.FAULT,
                    "message": str(self._fault),
                    "error": self._fault,
                }
            status = replace(self._status, **changes)
            if status != self._status:
                self._status = status
                self._on_status(status)
