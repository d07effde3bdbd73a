"""Quality: the head's angles, the hard limits, and that the score follows what hurts."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attendance.types import BgrImage, Face, FloatArray, Quality, QualityFlag
from inference.align import align
from inference.quality import eye_aspect, eye_detail, head_pose, measure_quality, share_outside
from tests.inference.perception_kit import kiosk_settings, networks, portrait


def _face(frame: BgrImage) -> Face:
    return networks().landmarks.read(frame, networks().detector.detect(frame)[:1])[0]


def _quality(frame: BgrImage, **changes: object) -> Quality:
    face = _face(frame)
    return measure_quality(
        face,
        align(frame, face.landmarks),
        frame_size_hw=(frame.shape[0], frame.shape[1]),
        settings=kiosk_settings(**changes).quality,
    )


@pytest.fixture(scope="module")
def frontal_mesh() -> FloatArray:
    """A real mesh turned until its angles are zero."""
    mesh = _face(portrait("obama-1.jpg")).mesh
    for _ in range(5):
        pose = head_pose(mesh)
        mesh = _turned(mesh, yaw=-pose.yaw_deg, pitch=-pose.pitch_deg, roll=-pose.roll_deg)
    return mesh


def _turned(
    mesh: FloatArray, *, yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0
) -> FloatArray:
    """Turn about the axes of the picture (x right, y down, z away): roll, then pitch, then yaw."""
    (cy, sy), (cp, sp), (cr, sr) = (
        (np.cos(np.radians(a)), np.sin(np.radians(a))) for a in (yaw, pitch, roll)
    )
    about_y = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    centre = mesh.mean(axis=0)
    turned: FloatArray = (mesh - centre) @ (about_y @ about_x @ about_z).T + centre
    return turned.astype(np.float32)


@given(yaw=st.floats(-50, 50))
def test_a_head_turned_to_the_right_of_the_picture_has_that_yaw(
    frontal_mesh: FloatArray, yaw: float
) -> None:
    pose = head_pose(_turned(frontal_mesh, yaw=yaw))
    assert pose.yaw_deg == pytest.approx(yaw, abs=2)


@given(pitch=st.floats(-40, 40))
def test_a_head_that_looks_up_has_that_pitch(frontal_mesh: FloatArray, pitch: float) -> None:
    pose = head_pose(_turned(frontal_mesh, pitch=pitch))
    assert pose.pitch_deg == pytest.approx(pitch, abs=1)
    assert pose.yaw_deg == pytest.approx(0, abs=2)


@given(roll=st.floats(-60, 60))
def test_a_head_that_leans_clockwise_has_that_roll(frontal_mesh: FloatArray, roll: float) -> None:
    assert head_pose(_turned(frontal_mesh, roll=roll)).roll_deg == pytest.approx(roll, abs=1)


def test_turning_the_picture_changes_the_roll_by_as_much() -> None:
    frame = portrait("hopper-1.jpg")
    before = _quality(frame).roll_deg
    height, width = frame.shape[:2]
    clockwise = cv2.getRotationMatrix2D((width / 2, height / 2), -18, 1.0)
    turned = np.asarray(cv2.warpAffine(frame, clockwise, (width, height)), np.uint8)
    assert _quality(turned).roll_deg - before == pytest.approx(18, abs=2)


def test_a_mirrored_face_has_the_opposite_yaw() -> None:
    frame = portrait("obama-2.jpg")
    there, back = _quality(frame), _quality(np.ascontiguousarray(frame[:, ::-1]))
    assert abs(there.yaw_deg) > 8
    assert there.yaw_deg == pytest.approx(-back.yaw_deg, abs=4)
    assert there.pitch_deg == pytest.approx(back.pitch_deg, abs=3)


def test_every_shipped_portrait_is_usable() -> None:
    for name in ("collins-1", "biden-1", "obama-1", "obama-2", "obama-3", "hopper-1"):
        quality = _quality(portrait(f"{name}.jpg"))
        assert quality.usable, (name, quality.flags)
        assert quality.score > 0.6


def _blurred(frame: BgrImage) -> BgrImage:
    return np.asarray(cv2.GaussianBlur(frame, (0, 0), 9), np.uint8)


def _dark(frame: BgrImage) -> BgrImage:
    return np.asarray(frame * 0.12, np.uint8)


def _bright(frame: BgrImage) -> BgrImage:
    return np.asarray(np.clip(frame.astype(np.float32) * 2.2 + 30, 0, 255), np.uint8)


def _far(frame: BgrImage) -> BgrImage:
    small = cv2.resize(frame, None, fx=0.22, fy=0.22, interpolation=cv2.INTER_AREA)
    return np.asarray(
        cv2.copyMakeBorder(small, 40, 40, 40, 40, cv2.BORDER_CONSTANT, value=(90, 90, 90)), np.uint8
    )


def _cut(frame: BgrImage) -> BgrImage:
    left = int(_face(frame).mesh[:, 0].min()) + 25
    return np.ascontiguousarray(frame[:, left:])


@pytest.mark.parametrize(
    ("spoil", "flag"),
    [
        (_blurred, QualityFlag.BLURRED),
        (_dark, QualityFlag.TOO_DARK),
        (_bright, QualityFlag.TOO_BRIGHT),
        (_far, QualityFlag.TOO_SMALL),
        (_cut, QualityFlag.CUT_OFF),
    ],
)
def test_what_hurts_recognition_is_named_and_lowers_the_score(
    spoil: Callable[[BgrImage], BgrImage], flag: QualityFlag
) -> None:
    frame = portrait("obama-1.jpg")
    clean, spoilt = _quality(frame), _quality(spoil(frame))
    assert spoilt.worst_flag == flag
    assert not spoilt.usable
    assert spoilt.score < clean.score


def test_a_dark_sharp_picture_is_dark_and_not_blurred() -> None:
    frame = portrait("hopper-1.jpg")
    clean, dark = _quality(frame), _quality((frame * 0.2).astype(np.uint8))
    assert dark.flags == {QualityFlag.TOO_DARK}
    assert dark.sharpness == pytest.approx(clean.sharpness, rel=0.35)


def test_the_limits_come_from_the_settings() -> None:
    frame = portrait("biden-1.jpg")
    assert _quality(frame).usable
    assert _quality(frame, quality__max_yaw_deg=8).flags == {QualityFlag.NOT_FRONTAL}
    assert _quality(frame, quality__max_roll_deg=8).flags == {QualityFlag.NOT_FRONTAL}
    assert _quality(frame, quality__min_face_px=400).flags == {QualityFlag.TOO_SMALL}
    assert _quality(frame, quality__min_face_share=0.5).flags == {QualityFlag.TOO_SMALL}
    assert _quality(frame, quality__min_sharpness=9_000).flags == {QualityFlag.BLURRED}


def test_the_score_falls_with_the_turn_of_the_head(frontal_mesh: FloatArray) -> None:
    frame = portrait("obama-1.jpg")
    face = _face(frame)
    crop = align(frame, face.landmarks)
    scores = []
    for yaw in (0, 10, 20, 30, 45):
        turned = Face(
            box_xyxy=face.box_xyxy,
            landmarks=face.landmarks,
            mesh=_turned(frontal_mesh, yaw=yaw),
            score=face.score,
        )
        quality = measure_quality(
            turned, crop, frame_size_hw=(640, 640), settings=kiosk_settings().quality
        )
        scores.append(quality.score)
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 2 * scores[-1]


def test_the_share_outside_counts_every_edge() -> None:
    mesh = np.zeros((4, 3), np.float32)
    mesh[:, :2] = [(-1, 5), (5, -1), (100, 5), (5, 50)]
    assert share_outside(mesh, frame_size_hw=(50, 100)) == 1.0
    inside = mesh + np.array([10, 10, 0], np.float32)
    assert share_outside(inside, frame_size_hw=(200, 200)) == 0.0


def test_eyelids_that_meet_have_no_aspect(frontal_mesh: FloatArray) -> None:
    assert eye_aspect(frontal_mesh) > 0.2
    shut = frontal_mesh.copy()
    for upper, lower in ((160, 144), (159, 145), (158, 153), (387, 373), (386, 374), (385, 380)):
        shut[upper] = shut[lower]
    assert eye_aspect(shut) < 0.05
    one_open = shut.copy()
    one_open[[160, 159, 158]] = frontal_mesh[[160, 159, 158]]
    assert eye_aspect(one_open) > 0.2


def test_painted_over_eyes_show_no_detail_and_weigh_less() -> None:
    frame = portrait("obama-1.jpg")
    crop = align(frame, _face(frame).landmarks).bgr
    luma = np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), np.float32)
    shut = luma.copy()
    shut[44:60, 20:76] = shut[64:65, 40:41]
    shut[52:54, 20:76] -= 60
    assert eye_detail(luma) > 0.12
    assert eye_detail(shut) < 0.04


@pytest.mark.parametrize("clip", ["turning-female.gif", "turning-male.gif"])
def test_yaw_follows_the_nose_on_real_turning_heads(shared_data: Path, clip: str) -> None:
    poses, noses = [], []
    capture = cv2.VideoCapture(str(shared_data / "clips" / "genuine" / clip))
    while True:
        there, frame = capture.read()
        if not there:
            break
        bgr = np.asarray(frame, np.uint8)
        detections = networks().detector.detect(bgr)
        if detections:
            face = networks().landmarks.read(bgr, detections[:1])[0]
            eyes = face.landmarks[1] - face.landmarks[0]
            middle = face.landmarks[[0, 1, 3, 4]].mean(axis=0)
            noses.append(float((face.landmarks[2] - middle) @ eyes / (eyes @ eyes)))
            poses.append(head_pose(face.mesh).yaw_deg)
    capture.release()
    assert len(poses) >= 5
    if np.ptp(poses) > 10:
        assert np.corrcoef(poses, noses)[0, 1] > 0.9
    for yaw, nose in zip(poses, noses, strict=True):
        if abs(yaw) > 8:
            assert np.sign(yaw) == np.sign(nose)


def test_usable_looks_are_plentiful_on_real_clips(shared_data: Path) -> None:
    clips = sorted((shared_data / "clips" / "genuine").glob("person-*.mp4"))
    assert len(clips) >= 5
    for clip in clips:
        capture = cv2.VideoCapture(str(clip))
        usable = frames = 0
        for number in range(120):
            there, frame = capture.read()
            if not there:
                break
            if number % 12 == 0:
                frames += 1
                usable += _quality(np.asarray(frame, np.uint8)).usable
        capture.release()
        assert usable >= 0.8 * frames, clip.name
