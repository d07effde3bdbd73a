"""The capture thread's work, run in the test's own thread: reconnecting, and frozen cameras."""

import threading
from collections.abc import Sequence

import pytest

from attendance.config import SourceSettings
from attendance.errors import CameraError
from attendance.types import BgrImage, Frame
from inference.capture import Capture, CaptureReport, StillPicture
from inference.sources.base import Source
from inference.sources.camera import CameraSource
from inference.status import SourceState
from tests.inference.runtime_fakes import (
    FakeCapture,
    FakeClock,
    Opener,
    ScriptedSource,
    frame,
    picture,
    source_settings,
)


class Run:
    """One capture, run until its source's script calls `stop` or it ends by itself."""

    def __init__(self, clock: FakeClock, *, settings: SourceSettings | None = None) -> None:
        self.clock = clock
        self.settings = settings or source_settings(reconnect_min_s=0.5, reconnect_max_s=10)
        self.frames: list[Frame] = []
        self.reports: list[CaptureReport] = []
        self.pauses_s: list[float] = []
        self.capture: Capture | None = None

    def stop(self) -> None:
        assert self.capture is not None
        self.capture.stop()

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        self.pauses_s.append(timeout_s)
        return self.clock.wait(event, timeout_s)

    def of(self, source: Source) -> None:
        self.capture = Capture(
            lambda: source,
            deliver=self.frames.append,
            report=self.reports.append,
            clock=self.clock,
            settings=self.settings,
            wait=self.wait,
        )
        self.capture.run()

    @property
    def states(self) -> list[str]:
        return [report.state.value for report in self.reports]


def test_a_file_is_read_to_its_end_and_closed() -> None:
    clock = FakeClock()
    source = ScriptedSource([picture(1), picture(2)], clock=clock, live=False)
    run = Run(clock)
    run.of(source)
    assert run.states == ["opening", "live", "ended"]
    assert [frame.seq for frame in run.frames] == [0, 1]
    assert (source.opened, source.closed) == (1, 1)


def test_a_file_that_cannot_be_opened_is_a_fault_and_not_tried_again() -> None:
    clock = FakeClock()
    source = ScriptedSource(
        CameraError("Broken.", action="Choose another."), clock=clock, live=False
    )
    run = Run(clock)
    run.of(source)
    assert run.states == ["opening", "fault"]
    assert run.reports[-1].message == "Broken. Choose another."
    assert source.opened == 1


def test_a_bad_address_is_a_fault() -> None:
    run = Run(FakeClock())

    def no_source() -> Source:
        raise CameraError("There is no file x.")

    Capture(
        no_source,
        deliver=run.frames.append,
        report=run.reports.append,
        clock=run.clock,
        settings=run.settings,
    ).run()
    assert run.states == ["fault"]


def test_an_unplugged_camera_is_lost_and_comes_back_when_plugged_in_again() -> None:
    clock = FakeClock()
    run = Run(clock)
    source = ScriptedSource(
        [picture(1), picture(2), None],
        CameraError("Camera 0 is not there."),
        CameraError("Camera 0 is not there."),
        [picture(3), picture(4), run.stop],
        clock=clock,
    )
    run.of(source)
    assert run.states == ["opening", "live", "lost", "lost", "live"]
    assert "gives no picture any more" in run.reports[2].message
    assert run.reports[3].message == "Camera 0 is not there."
    assert run.pauses_s == [0.5, 1.0, 2.0]
    assert [frame.seq for frame in run.frames] == [0, 1, 2, 3]
    assert source.opened == source.closed == 4


def test_the_same_with_opencvs_own_capture_pretended() -> None:
    clock = FakeClock()
    run = Run(clock)
    captures = [
        FakeCapture([picture(1), picture(2)]),
        FakeCapture(opened=False),
        FakeCapture([picture(3), picture(4)]),
    ]

    class Counting(CameraSource):
        def open(self) -> None:
            if len(opener.targets) == len(captures):
                run.stop()
                raise CameraError("It is gone.")
            super().open()

    opener = Opener(*captures)
    run.of(Counting(0, settings=run.settings, clock=clock, opened_with=opener))
    assert [int(frame.bgr[0, 0, 0]) for frame in run.frames] == [1, 2, 3, 4]
    assert opener.targets == [0, 0, 0]
    assert all(capture.released for capture in captures)


def test_pauses_begin_anew_only_after_a_working_picture() -> None:
    clock = FakeClock()
    run = Run(clock)
    source = ScriptedSource(
        CameraError("a"), CameraError("b"), [picture(), None], [run.stop], clock=clock
    )
    run.of(source)
    assert run.pauses_s == [0.5, 1.0, 0.5]


def test_a_camera_that_repeats_one_picture_is_frozen_and_opened_again() -> None:
    clock = FakeClock()
    run = Run(clock)
    source = ScriptedSource(
        [picture(1)] * 60,
        [picture(1)] * 60,
        [picture(2), picture(3), run.stop],
        clock=clock,
        has_noise=True,
        step_s=0.04,
    )
    run.of(source)
    # While it is frozen a first picture proves nothing; a second, different one does.
    assert [state for state in run.states if state != "frozen"] == ["opening", "live", "live"]
    assert run.states[2:-1] == ["frozen"] * (len(run.states) - 3)
    assert "exactly the same picture for 2.0 seconds" in run.reports[2].message
    assert len(run.frames) == 51 + 51 + 2
    assert run.pauses_s == [0.5, 1.0]


def test_a_covered_lens_still_has_noise_and_is_not_frozen() -> None:
    clock = FakeClock()
    run = Run(clock)
    noise: list[BgrImage] = []
    for number in range(200):
        dark = picture(0)
        dark[number % 24, number % 32, 0] = 1
        noise.append(dark)
    source = ScriptedSource([*noise, run.stop], clock=clock, has_noise=True)
    run.of(source)
    assert run.states == ["opening", "live"]


def test_a_stream_may_repeat_a_picture() -> None:
    clock = FakeClock()
    run = Run(clock)
    run.of(ScriptedSource([*[picture(1)] * 200, run.stop], clock=clock, has_noise=False))
    assert run.states == ["opening", "live"]


def test_a_picture_of_another_size_is_another_picture() -> None:
    still = StillPicture()
    sizes = [(24, 32), (24, 32), (48, 64)]
    times_s = [
        still.same_for_s(frame(at_s=at_s, bgr=picture(1, size_hw=size)))
        for at_s, size in enumerate(sizes)
    ]
    assert times_s == [0, 1, 0]


@pytest.mark.parametrize(
    ("waited_s", "overdue", "hopeless"),
    [(1.9, False, False), (2.0, True, False), (15.0, True, True)],
)
def test_a_read_that_does_not_return_is_overdue_after_2_s_and_hopeless_after_15(
    waited_s: float, overdue: bool, hopeless: bool
) -> None:
    assert _overdue_while_reading([picture(1)], waited_s=waited_s) == (overdue, hopeless)


@pytest.mark.parametrize(("waited_s", "overdue"), [(9.9, False), (10.0, True)])
def test_the_first_picture_after_opening_may_take_10_s(waited_s: float, overdue: bool) -> None:
    assert _overdue_while_reading([], waited_s=waited_s)[0] == overdue


def _overdue_while_reading(before: Sequence[BgrImage], *, waited_s: float) -> tuple[bool, bool]:
    """Ask from within a read, as the supervisor does from its own thread."""
    clock = FakeClock()
    run = Run(clock)
    seen: list[tuple[bool, bool]] = []

    def hang() -> None:
        assert run.capture is not None
        clock.advance(waited_s)
        overdue = run.capture.check_overdue()
        seen.append((overdue is not None, bool(overdue and overdue.hopeless)))
        run.stop()

    run.of(ScriptedSource([*before, hang], clock=clock))
    assert len(seen) == 1
    return seen[0]


def test_a_camera_that_answers_again_after_it_was_called_frozen_is_live_again() -> None:
    clock = FakeClock()
    run = Run(clock)

    def frozen() -> None:
        assert run.capture is not None
        run.capture.mark_frozen(CameraError("No new picture for 2 seconds."))

    source = ScriptedSource([picture(1), picture(2), frozen, picture(3), run.stop], clock=clock)
    run.of(source)
    assert run.states == ["opening", "live", "frozen", "live"]


def test_a_file_waits_for_the_networks_and_a_stop_frees_it() -> None:
    clock = FakeClock()
    ready = threading.Event()
    source = ScriptedSource([picture(1)], clock=clock, live=False)
    opening = threading.Event()
    capture = Capture(
        lambda: source,
        deliver=lambda _: None,
        report=lambda _: opening.set(),
        clock=clock,
        settings=source_settings(),
        ready=ready,
    )
    thread = threading.Thread(target=capture.run)
    thread.start()
    assert opening.wait(10)
    assert source.opened == 0
    capture.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert source.opened == 0


def test_after_a_stop_nothing_is_reported_any_more() -> None:
    clock = FakeClock()
    run = Run(clock)
    run.of(ScriptedSource([picture(1), run.stop, picture(2)], clock=clock))
    assert run.reports[-1].state == SourceState.LIVE
