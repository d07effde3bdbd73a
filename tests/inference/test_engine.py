"""The engine's threads: in order, supervised, and none left behind."""

import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from attendance.config import default_settings
from attendance.errors import CameraError, KnownError, ModelError
from attendance.ports import Gallery
from attendance.types import FrameResult
from inference.engine import Engine, EngineStatus, SourceState
from inference.ports import FramePipeline
from inference.sources.base import Source
from inference.sources.portraits import PortraitSource
from tests.inference.runtime_fakes import (
    FakeClock,
    FakePipeline,
    ScriptedSource,
    Step,
    picture,
    source_settings,
)

PATIENCE_S = 10.0


class Heard:
    """Everything an engine told, with a way to wait for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.statuses: list[EngineStatus] = []
        self.results: list[FrameResult] = []
        self.threads: set[str] = set()

    def status(self, status: EngineStatus) -> None:
        with self._changed:
            self.threads.add(threading.current_thread().name)
            self.statuses.append(status)
            self._changed.notify_all()

    def result(self, result: FrameResult) -> None:
        with self._changed:
            self.results.append(result)
            self._changed.notify_all()

    def wait_for(self, condition: Callable[["Heard"], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self), PATIENCE_S), self.statuses

    def wait_for_state(self, state: SourceState) -> EngineStatus:
        self.wait_for(lambda heard: any(one.state == state for one in heard.statuses))
        return [one for one in self.statuses if one.state == state][-1]

    def wait_for_frames(self, count: int) -> None:
        self.wait_for(lambda heard: len(heard.results) >= count)


class Bench:
    """Makes engines and stops them all at the end."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.heard = Heard()
        self.pipelines: list[FakePipeline] = []
        self.engines: list[Engine] = []

    def make_pipeline(self) -> FramePipeline:
        self.pipelines.append(FakePipeline())
        return self.pipelines[-1]

    def source(self, *openings: Any, live: bool = True, **more: Any) -> ScriptedSource:
        return ScriptedSource(*openings, clock=self.clock, live=live, **more)

    def engine(
        self,
        source_factory: Callable[[], Source],
        *,
        pipeline_factory: Callable[[], FramePipeline] | None = None,
        fast: bool = False,
        on_result: Callable[[FrameResult], None] | None = None,
    ) -> Engine:
        engine = Engine(
            pipeline_factory=pipeline_factory or self.make_pipeline,
            source_factory=source_factory,
            on_result=on_result or self.heard.result,
            on_status=self.heard.status,
            clock=self.clock,
            source_settings=source_settings(),
            fast=fast,
        )
        self.engines.append(engine)
        return engine


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Engines whose threads are all gone after the test."""
    before = set(threading.enumerate())
    bench = Bench()
    yield bench
    for engine in bench.engines:
        engine.stop(PATIENCE_S)
    for thread in set(threading.enumerate()) - before:  # one that a test let hang, then released
        thread.join(PATIENCE_S)
    assert set(threading.enumerate()) <= before


def until(release: threading.Event, source: list[ScriptedSource]) -> Callable[[], None]:
    """A step that waits as a camera does: until released or interrupted."""

    def wait() -> None:
        while not release.is_set() and not source[0].interrupted.wait(0.01):
            pass

    return wait


def waiting(bench: Bench, *before: Step) -> ScriptedSource:
    """A live source that gives these and then waits for ever, as long as it is not interrupted."""
    held: list[ScriptedSource] = []
    source = bench.source([*before, until(threading.Event(), held)])
    held.append(source)
    return source


def test_a_file_played_fast_is_worked_on_frame_by_frame_to_its_end(bench: Bench) -> None:
    source = bench.source([picture(n) for n in range(100)], live=False)
    engine = bench.engine(lambda: source, fast=True)
    engine.start()
    assert engine.wait_ended(PATIENCE_S)
    assert [result.frame.seq for result in bench.heard.results] == list(range(100))
    assert engine.status.state == SourceState.ENDED
    assert engine.dropped == 0
    assert bench.pipelines[0].threads == {"clockface-inference"}
    assert engine.latest_result() is bench.heard.results[-1]
    frame = engine.latest_frame()
    assert frame is not None
    assert frame.seq == 99


def test_a_slow_pipeline_drops_frames_and_works_on_the_newest(bench: Bench) -> None:
    all_read = threading.Event()
    source = bench.source([*[picture(n) for n in range(50)], all_read.set], live=False)

    def slow(result: FrameResult) -> None:
        assert all_read.wait(PATIENCE_S)
        bench.heard.result(result)

    engine = bench.engine(lambda: source, on_result=slow)
    engine.start()
    assert engine.wait_ended(PATIENCE_S)
    seen = [result.frame.seq for result in bench.heard.results]
    assert seen[-1] == 49
    assert len(seen) <= 2
    assert engine.dropped == 50 - len(seen)


def test_stopping_ends_every_thread_and_may_be_done_twice(bench: Bench) -> None:
    engine = bench.engine(lambda: waiting(bench, picture(1)))
    engine.start()
    bench.heard.wait_for_frames(1)
    assert engine.stop()
    assert engine.stop()
    assert engine.wait_ended(0)
    assert not [one for one in threading.enumerate() if one.name.startswith("clockface-")]


def test_an_engine_that_was_never_started_can_be_stopped(bench: Bench) -> None:
    assert bench.engine(lambda: waiting(bench)).stop()


def test_an_engine_starts_once(bench: Bench) -> None:
    engine = bench.engine(lambda: waiting(bench))
    engine.start()
    with pytest.raises(RuntimeError):
        engine.start()


def test_a_read_that_blocks_for_ever_does_not_block_stopping(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    reading, release = threading.Event(), threading.Event()

    def block() -> None:
        reading.set()
        release.wait()

    engine = bench.engine(lambda: bench.source([picture(1), block]))
    engine.start()
    assert reading.wait(PATIENCE_S)
    assert not engine.stop(timeout_s=0.2)
    assert "clockface-capture did not end" in caplog.text
    release.set()


def test_a_read_that_never_returns_is_frozen_then_another_thread_reads(bench: Bench) -> None:
    reading, release = threading.Event(), threading.Event()

    def block() -> None:
        reading.set()
        release.wait()

    sources = iter([bench.source([picture(1), block]), waiting(bench, picture(2))])
    engine = bench.engine(lambda: next(sources))
    engine.start()
    assert reading.wait(PATIENCE_S)
    bench.clock.advance(3)
    status = bench.heard.wait_for_state(SourceState.FROZEN)
    assert "no new picture" in status.message
    assert isinstance(status.error, CameraError)
    bench.clock.advance(13)
    bench.heard.wait_for_frames(2)
    assert [int(result.frame.bgr[0, 0, 0]) for result in bench.heard.results] == [1, 2]
    assert [result.frame.seq for result in bench.heard.results] == [0, 1]
    bench.heard.wait_for(lambda heard: heard.statuses[-1].state == SourceState.LIVE)
    release.set()


def test_a_lost_camera_that_comes_back_is_live_again(bench: Bench) -> None:
    engine_source = [picture(1), None], CameraError("Camera 0 is not there."), [picture(2)] * 3
    source = bench.source(*engine_source)
    engine = bench.engine(lambda: source)
    engine.start()
    status = bench.heard.wait_for_state(SourceState.LOST)
    assert status.error is not None
    bench.heard.wait_for(lambda heard: len(_live_spells(heard)) == 2)
    assert engine.status.models_ready


def _live_spells(heard: Heard) -> list[int]:
    states = [status.state for status in heard.statuses]
    return [
        n
        for n, state in enumerate(states)
        if state == SourceState.LIVE and (n == 0 or states[n - 1] != SourceState.LIVE)
    ]


def test_a_dead_inference_thread_is_started_again_with_the_gallery_it_had(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    go_on = threading.Event()
    held: list[ScriptedSource] = []
    source = bench.source(
        [picture(1), until(go_on, held), picture(2), until(threading.Event(), held)]
    )
    held.append(source)
    engine = bench.engine(lambda: source, fast=True)
    engine.start()
    gallery = cast("Gallery", object())
    settings = default_settings()
    engine.replace_gallery(gallery).result(PATIENCE_S)
    engine.replace_settings(settings).result(PATIENCE_S)
    bench.heard.wait_for_frames(1)
    bench.pipelines[0].fail = ZeroDivisionError("a bug")
    go_on.set()
    bench.heard.wait_for(lambda _: len(bench.pipelines) == 2)
    assert engine.call(lambda pipeline: pipeline.reader.model_id).result(PATIENCE_S) == "fake"
    assert bench.pipelines[1].galleries == [gallery]
    assert bench.pipelines[1].settings == [settings]
    assert "a bug" in caplog.text


def test_a_worker_that_dies_again_and_again_is_a_fault_after_5_restarts(bench: Bench) -> None:
    made: list[int] = []

    def broken() -> FramePipeline:
        made.append(1)
        raise ZeroDivisionError("a bug")

    engine = bench.engine(lambda: waiting(bench, picture(1)), pipeline_factory=broken)
    engine.start()
    assert engine.wait_ended(PATIENCE_S)
    assert len(made) == 6
    assert engine.status.state == SourceState.FAULT
    assert engine.status.error is not None
    assert engine.status.error.code == "engine"
    assert "Start Clockface again" in engine.status.message


def test_a_source_that_is_a_bug_is_a_fault_but_another_source_heals_it(bench: Bench) -> None:
    engine = bench.engine(lambda: bench.source([ZeroDivisionError("a bug")]))
    engine.start()
    bench.heard.wait_for_state(SourceState.FAULT)
    assert engine.wait_ended(PATIENCE_S)
    engine.replace_source(lambda: waiting(bench, picture(7)))
    bench.heard.wait_for_frames(1)
    bench.heard.wait_for(lambda heard: heard.statuses[-1].state == SourceState.LIVE)
    assert engine.status.error is None


def test_a_missing_model_file_is_a_fault_at_once_and_calls_fail_with_it(bench: Bench) -> None:
    made: list[int] = []

    def no_model() -> FramePipeline:
        made.append(1)
        raise ModelError("The file face-mesh.onnx is missing.", action="Install again.")

    engine = bench.engine(lambda: waiting(bench, picture(1)), pipeline_factory=no_model)
    early = engine.call(lambda pipeline: pipeline.reader)
    engine.start()
    assert engine.wait_ended(PATIENCE_S)
    status = engine.status
    assert (status.state, status.models_ready) == (SourceState.FAULT, False)
    assert "face-mesh.onnx is missing" in status.message
    assert len(made) == 1
    for future in (early, engine.call(lambda pipeline: pipeline.reader)):
        with pytest.raises(ModelError):
            future.result(PATIENCE_S)


def test_another_source_starts_with_forgotten_tracks_and_goes_on_counting(bench: Bench) -> None:
    first = waiting(bench, picture(1), picture(2))
    engine = bench.engine(lambda: first, fast=True)
    engine.start()
    bench.heard.wait_for_frames(2)
    engine.replace_source(lambda: bench.source([picture(3)], live=False))
    assert engine.wait_ended(PATIENCE_S)
    assert [result.frame.seq for result in bench.heard.results] == [0, 1, 2]
    assert bench.pipelines[0].resets == 1
    assert first.closed == 1


def test_a_source_that_ended_can_be_followed_by_another(bench: Bench) -> None:
    engine = bench.engine(lambda: bench.source([picture(1)], live=False), fast=True)
    engine.start()
    assert engine.wait_ended(PATIENCE_S)
    go_on = threading.Event()
    held: list[ScriptedSource] = []
    second = bench.source([until(go_on, held), picture(2)], live=False)
    held.append(second)
    engine.replace_source(lambda: second)
    assert not engine.wait_ended(0)
    go_on.set()
    assert engine.wait_ended(PATIENCE_S)
    assert len(bench.heard.results) == 2


def test_a_call_runs_in_the_inference_thread_and_its_error_goes_to_who_asked(bench: Bench) -> None:
    engine = bench.engine(lambda: waiting(bench))
    engine.start()
    thread = engine.call(lambda _: threading.current_thread().name)
    assert thread.result(PATIENCE_S) == "clockface-inference"

    def fail(pipeline: FramePipeline) -> None:
        raise KeyError(pipeline.reader.model_id)

    with pytest.raises(KeyError):
        engine.call(fail).result(PATIENCE_S)
    assert engine.call(lambda _: 5).result(PATIENCE_S) == 5


def test_calls_that_wait_when_the_engine_stops_are_cancelled(bench: Bench) -> None:
    engine = bench.engine(lambda: waiting(bench))
    waiting_call = engine.call(lambda pipeline: pipeline.reader)
    engine.stop()
    late_call = engine.call(lambda pipeline: pipeline.reader)
    assert waiting_call.cancelled()
    assert late_call.cancelled()


def test_a_gallery_that_is_refused_leaves_the_one_in_use(bench: Bench) -> None:
    class Picky(FakePipeline):
        def replace_gallery(self, gallery: Gallery) -> None:
            raise ModelError("Another model's gallery.")

    engine = bench.engine(lambda: waiting(bench), pipeline_factory=Picky)
    engine.start()
    with pytest.raises(ModelError):
        engine.replace_gallery(cast("Gallery", object())).result(PATIENCE_S)
    assert engine.status.state != SourceState.FAULT


def test_every_status_differs_from_the_one_before(bench: Bench) -> None:
    source = bench.source([picture(n) for n in range(100)], live=False, step_s=0.04)
    engine = bench.engine(lambda: source, fast=True)
    engine.start()
    assert engine.wait_ended(PATIENCE_S)
    statuses = bench.heard.statuses
    assert all(one != other for one, other in itertools.pairwise(statuses))
    assert max(status.fps for status in statuses) == pytest.approx(25, rel=0.1)
    assert bench.heard.threads <= {"clockface-capture", "clockface-inference"}


def test_the_demo_runs_through_a_whole_engine(bench: Bench) -> None:
    photos = [picture(255, size_hw=(64, 64)), picture(0, size_hw=(64, 64))]
    engine = bench.engine(lambda: PortraitSource(photos, clock=bench.clock, fast=True), fast=True)
    engine.start()
    assert engine.wait_ended(PATIENCE_S)
    assert len(bench.heard.results) == 220


def test_an_error_of_the_network_while_working_is_a_fault(bench: Bench) -> None:
    class Failing(FakePipeline):
        def __init__(self) -> None:
            super().__init__()
            self.fail: Exception | None = ModelError("The graphics card is gone.")

    engine = bench.engine(lambda: waiting(bench, picture(1)), pipeline_factory=Failing)
    engine.start()
    assert engine.wait_ended(PATIENCE_S)
    error: KnownError | None = engine.status.error
    assert error is not None
    assert error.message == "The graphics card is gone."
