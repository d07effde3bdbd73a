"""When a capture is taken by itself."""

import pytest

from attendance.config import default_settings
from attendance.enrolment import CaptureAccepted, CaptureRefused, CaptureSession
from attendance.types import QualityFlag
from gui.wizard.held_capture import HOLD_S, NO_FACE, SEVERAL_FACES, HeldCapture
from tests.gui.desk.scene import Look, make_look

STEP_NS = 150_000_000


@pytest.fixture
def session() -> CaptureSession:
    settings = default_settings()
    return CaptureSession(settings.enrolment, settings.quality)


class Timeline:
    """Shows looks to a HeldCapture, 150 ms apart."""

    def __init__(self, session: CaptureSession) -> None:
        self.held = HeldCapture(session)
        self.now_ns = 0

    def show(self, *looks: Look) -> CaptureAccepted | CaptureRefused | None:
        self.now_ns += STEP_NS
        return self.held.see(looks, mono_ns=self.now_ns)

    def show_until_taken(self, look: Look, *, most: int = 30) -> int:
        for count in range(1, most + 1):
            if isinstance(self.show(look), CaptureAccepted):
                return count
        raise AssertionError("it was never taken")


def test_one_good_look_is_never_a_capture(session: CaptureSession) -> None:
    assert Timeline(session).show(make_look()) is None
    assert session.captures == ()


def test_a_view_that_is_held_is_captured(session: CaptureSession) -> None:
    count = Timeline(session).show_until_taken(make_look())
    assert (count - 1) * STEP_NS >= HOLD_S * 1e9
    assert [capture.view for capture in session.captures] == ["front"]


def test_the_best_look_of_the_hold_is_taken(session: CaptureSession) -> None:
    timeline = Timeline(session)
    best = make_look(score=0.95)
    timeline.show(make_look(score=0.6))
    timeline.show(best)
    timeline.show_until_taken(make_look(score=0.5))
    assert session.captures[0].look is best


def test_looking_away_begins_the_hold_again(session: CaptureSession) -> None:
    timeline = Timeline(session)
    for _ in range(4):
        timeline.show(make_look())
    assert timeline.held.progress > 0.5
    timeline.show(make_look(yaw_deg=30))
    assert timeline.held.progress == 0.0
    assert session.captures == ()


def test_the_next_view_waits_until_its_request_could_be_read(session: CaptureSession) -> None:
    timeline = Timeline(session)
    timeline.show_until_taken(make_look())
    left = make_look(yaw_deg=20)
    at_ns = timeline.now_ns
    timeline.show_until_taken(left)
    assert timeline.now_ns - at_ns >= 1_400_000_000


def test_all_five_views_are_taken_one_after_another(session: CaptureSession) -> None:
    timeline = Timeline(session)
    angles = {"front": (0, 0), "left": (20, 0), "right": (-20, 0), "up": (0, 15), "down": (0, -15)}
    for yaw_deg, pitch_deg in angles.values():
        timeline.show_until_taken(make_look(yaw_deg=yaw_deg, pitch_deg=pitch_deg))
    assert [capture.view for capture in session.captures] == list(angles)
    assert session.complete
    assert timeline.show(make_look()) is None


@pytest.mark.parametrize(
    ("looks", "sentence"),
    [
        ((), NO_FACE),
        ((make_look(), make_look(2, size_px=150)), SEVERAL_FACES),
        ((make_look(flags=[QualityFlag.TOO_DARK]),), "too dark"),
        ((make_look(flags=[QualityFlag.EYES_CLOSED]),), "eyes are closed"),
        ((make_look(yaw_deg=30),), "straight at the camera"),
    ],
)
def test_what_is_wrong_is_said(
    session: CaptureSession, looks: tuple[Look, ...], sentence: str
) -> None:
    timeline = Timeline(session)
    for _ in range(20):
        assert timeline.show(*looks) is None
    assert sentence in timeline.held.sentence
    assert session.captures == ()


def test_a_small_face_in_the_background_does_not_disturb(session: CaptureSession) -> None:
    timeline = Timeline(session)
    for _ in range(10):
        timeline.show(make_look(), make_look(2, size_px=40))
    assert len(session.captures) == 1


def test_somebody_else_cannot_slip_in_between_two_views(session: CaptureSession) -> None:
    timeline = Timeline(session)
    timeline.show_until_taken(make_look(1))
    for _ in range(30):
        assert not isinstance(timeline.show(make_look(2, yaw_deg=20)), CaptureAccepted)
    assert [capture.view for capture in session.captures] == ["front"]


def test_a_source_that_begins_again_does_not_fake_a_hold(session: CaptureSession) -> None:
    held = HeldCapture(session)
    assert held.see((make_look(),), mono_ns=10_000_000_000) is None
    assert held.see((make_look(),), mono_ns=0) is None
    assert held.see((make_look(),), mono_ns=1) is None
    assert held.progress < 1.0
