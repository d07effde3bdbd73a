"""The kiosk without a window: every event a line on the terminal."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from attendance.errors import CameraError, KnownError, StorageError
from attendance.event_lines import EventLines
from attendance.types import FrameResult
from gui.program import Program

if TYPE_CHECKING:
    from inference.engine import EngineStatus
    from inference.sources import Source


def run_headless(
    program: Program,
    *,
    as_json: bool,
    fast: bool,
    wait_for_source: bool = False,
    source_factory: "Callable[[], Source] | None" = None,
) -> int:
    """Run the kiosk without a window until the source ends or somebody stops it.

    wait_for_source: keep trying when the source is not there at the start; without it that ends
    the run. A source that is lost later is always waited for.
    Returns 0, or StorageError's exit code if a punch could not be stored. Raises the KnownError
    that ended the run, or the OSError that kept lines from being written.
    """
    from inference.engine import SourceState

    lines = EventLines(sys.stdout, zone=program.zone, as_json=as_json)
    kiosk = program.kiosk(lines.on_event, asks=False)
    address = program.settings.source.address
    done = threading.Event()
    fatal: list[KnownError] = []

    def on_result(result: FrameResult) -> None:
        lines.on_result(result)
        kiosk.observe(result)

    def on_status(status: "EngineStatus") -> None:
        never_there = status.state is SourceState.LOST and not lines.frames and not wait_for_source
        if status.state is SourceState.FAULT or never_there:
            fatal.append(status.error or CameraError(f"The source {address} gave no picture."))
            done.set()
        elif status.state is SourceState.ENDED:
            done.set()

    engine = program.engine(
        source_factory=source_factory or (lambda: program.source(address, fast=fast)),
        on_result=on_result,
        on_status=on_status,
        fast=fast,
    )
    started_s = time.monotonic()
    with stop_signals(done):
        engine.start()
        try:
            while not done.wait(0.5):
                if isinstance(lines.lost, BrokenPipeError):
                    break  # whoever read the lines has gone
        finally:
            engine.stop()
            program.store.close()  # after the last punch is acknowledged
    if fatal:
        raise fatal[0]
    lines.summary(decisions=kiosk.decisions, elapsed_s=time.monotonic() - started_s)
    if lines.lost is not None:
        raise lines.lost
    return StorageError.exit_code if lines.not_stored else 0


@contextmanager
def stop_signals(done: threading.Event) -> Iterator[None]:
    """Let SIGINT and SIGTERM end a headless run in order, with its summary."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: done.set())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
