from dataclasses import dataclass, field

import pytest

from attendance.config import default_settings
from attendance.enrolment import (
    VIEWS,
    CaptureAccepted,
    CaptureRefused,
    CaptureSession,
    already_enrolled,
    check_same_person,
    pick_single_face,
)
from attendance.errors import PictureError
from attendance.types import Crop, Embedding, Face, Match, Quality, QualityFlag
from tests.attendance.builders import MODEL_ID, make_crop, make_face, make_quality, unit_vector

SETTINGS = default_settings()
POSES: dict[str, dict[str, float]] = {
    "front": {},
    "left": {"yaw_deg": 18.0},
    "right": {"yaw_deg": -18.0},
    "up": {"pitch_deg": 14.0},
    "down": {"pitch_deg": -14.0},
}


@dataclass(frozen=True)
class Look:
    quality: Quality = field(default_factory=make_quality)
    embedding: Embedding = field(default_factory=lambda: unit_vector(1.0))
    face: Face = field(default_factory=make_face)
    crop: Crop = field(default_factory=make_crop)


class OnePersonGallery:
    model_id = MODEL_ID

    def __init__(self, staff_id: str, embedding: Embedding) -> None:
        self._staff_id = staff_id
        self._embedding = embedding

    def __len__(self) -> int:
        return 1

    def search(self, embedding: Embedding, *, threshold: float) -> Match:
        cosine = float(embedding.vec @ self._embedding.vec)
        found = self._staff_id if cosine >= threshold else None
        return Match(found, cosine, -1.0, threshold, nearest_id=self._staff_id)


def new_session() -> CaptureSession:
    return CaptureSession(SETTINGS.enrolment, SETTINGS.quality)


def test_five_views_in_order_complete_a_session() -> None:
    session = new_session()
    for view in VIEWS:
        assert session.wanted_view == view
        assert not session.complete
        answer = session.offer(Look(make_quality(**POSES[view])))
        assert isinstance(answer, CaptureAccepted)
    assert session.complete
    assert [t.view for t in session.templates("7")] == list(VIEWS)
    assert {t.staff_id for t in session.templates("7")} == {"7"}


def test_a_look_in_the_wrong_pose_is_refused_with_what_to_do() -> None:
    session = new_session()
    session.offer(Look())
    answer = session.offer(Look())
    assert isinstance(answer, CaptureRefused)
    assert "to your left" in answer.sentence


@pytest.mark.parametrize(
    ("flag", "word"),
    [
        (QualityFlag.TOO_DARK, "dark"),
        (QualityFlag.EYES_CLOSED, "eyes"),
        (QualityFlag.BLURRED, "blurred"),
        (QualityFlag.TOO_SMALL, "closer"),
    ],
)
def test_a_poor_look_is_refused_with_the_reason(flag: QualityFlag, word: str) -> None:
    answer = new_session().offer(Look(make_quality(flag)))
    assert isinstance(answer, CaptureRefused)
    assert word in answer.sentence


def test_somebody_else_in_the_middle_of_a_session_is_refused() -> None:
    session = new_session()
    session.offer(Look())
    answer = session.offer(Look(make_quality(yaw_deg=18.0), unit_vector(0.0, 1.0)))
    assert isinstance(answer, CaptureRefused)
    assert "somebody else" in answer.sentence


def test_a_dropped_capture_is_asked_for_again() -> None:
    session = new_session()
    session.offer(Look())
    session.drop("front")
    assert session.wanted_view == "front"
    assert session.captures == ()


def test_a_photo_without_a_face_is_refused_by_name() -> None:
    with pytest.raises(PictureError, match=r"No face.*«a\.jpg»"):
        pick_single_face([], name="a.jpg", settings=SETTINGS.enrolment)


def test_a_photo_with_two_faces_is_refused() -> None:
    with pytest.raises(PictureError, match="2 faces"):
        pick_single_face([Look(), Look()], name="a.jpg", settings=SETTINGS.enrolment)


def test_a_tiny_face_in_the_background_is_no_second_face() -> None:
    small = Look(face=make_face(size_px=30))
    large = Look()
    assert pick_single_face([large, small], name="a", settings=SETTINGS.enrolment) is large


@pytest.mark.parametrize("flag", list(QualityFlag))
def test_every_quality_flag_refuses_a_photo(flag: QualityFlag) -> None:
    with pytest.raises(PictureError, match="cannot be used"):
        pick_single_face([Look(make_quality(flag))], name="a", settings=SETTINGS.enrolment)


def test_a_photo_of_somebody_else_among_the_photos_is_named() -> None:
    looks = [("a", Look()), ("b", Look()), ("c", Look(embedding=unit_vector(0.0, 1.0)))]
    with pytest.raises(PictureError, match="«c» shows somebody else"):
        check_same_person(looks, settings=SETTINGS.enrolment)
    check_same_person(looks[:2], settings=SETTINGS.enrolment)


def test_a_face_that_is_enrolled_is_found_unless_it_is_the_same_person() -> None:
    gallery = OnePersonGallery("9", unit_vector(1.0))
    match = already_enrolled([Look()], gallery, settings=SETTINGS.enrolment)
    assert match is not None
    assert match.person_id == "9"
    assert already_enrolled([Look()], gallery, settings=SETTINGS.enrolment, ignore="9") is None
    stranger = Look(embedding=unit_vector(0.0, 1.0))
    assert already_enrolled([stranger], gallery, settings=SETTINGS.enrolment) is None


class TwoPeopleGallery(OnePersonGallery):
    """The person asked for is nearest, somebody else is nearly as near."""

    def search(self, embedding: Embedding, *, threshold: float) -> Match:
        return Match("9", 0.9, 0.8, threshold, nearest_id="9", runner_up_id="8")


def test_behind_the_person_who_is_enrolled_anew_another_one_is_still_found() -> None:
    gallery = TwoPeopleGallery("9", unit_vector(1.0))
    match = already_enrolled([Look()], gallery, settings=SETTINGS.enrolment, ignore="9")
    assert match is not None
    assert (match.person_id, match.similarity) == ("8", 0.8)
    match = already_enrolled([Look()], gallery, settings=SETTINGS.enrolment)
    assert match is not None
    assert match.person_id == "9"
