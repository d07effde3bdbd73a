from dataclasses import replace

from attendance.types import FrameResult, TrackedFace
from inference.resting import REST_AFTER_NS, Resting
from tests.attendance.builders import make_face, make_frame, make_quality

STEP_S = 1 / 30
FACE = TrackedFace(1, make_face(), make_quality(), None)


def watch(resting: Resting, *, seconds: float, start_s: float = 0.0, face: bool = False) -> float:
    """Show so many seconds of frames; return the share that was worked on."""
    count = round(seconds / STEP_S)
    worked = 0
    for number in range(count):
        frame = make_frame(number, at_s=start_s + number * STEP_S)
        if resting.skips(frame.mono_ns):
            continue
        worked += 1
        resting.observe(FrameResult(frame, (FACE,) if face else ()))
    return worked / count


def test_every_frame_is_worked_on_until_nobody_was_there_for_a_while() -> None:
    assert watch(Resting(), seconds=REST_AFTER_NS / 1e9 - 1) == 1.0


def test_then_about_one_frame_in_five_is() -> None:
    resting = Resting()
    watch(resting, seconds=REST_AFTER_NS / 1e9 + 1)
    share = watch(resting, seconds=30, start_s=REST_AFTER_NS / 1e9 + 1)
    assert 0.15 < share < 0.25


def test_a_face_ends_the_rest_at_once() -> None:
    resting = Resting()
    watch(resting, seconds=60)
    seen_s = 60.0
    assert watch(resting, seconds=1.0, start_s=seen_s, face=True) > 0.85
    assert watch(resting, seconds=10.0, start_s=seen_s + 1) == 1.0


def test_while_somebody_is_there_nothing_is_passed_over() -> None:
    resting = Resting()
    assert watch(resting, seconds=120, face=True) == 1.0


def test_a_clock_that_begins_again_does_not_stop_the_work() -> None:
    resting = Resting()
    watch(resting, seconds=60)
    late = make_frame(0, at_s=59.9)
    assert not resting.skips(replace(late, mono_ns=0).mono_ns)
