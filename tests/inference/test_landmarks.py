"""Landmarks: the region the mesh network sees, the way back to the frame, and real faces."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attendance.types import FloatArray
from inference.detect import Detection
from inference.landmarks import five_points, mesh_in_frame, region_transform
from tests.inference.perception_kit import networks, portrait


def _detection(box: tuple[float, ...], eyes: tuple[tuple[float, float], ...]) -> Detection:
    keypoints = np.zeros((6, 2), np.float32)
    keypoints[:2] = eyes
    return Detection(box_xyxy=np.array(box, np.float32), keypoints=keypoints, score=0.9)


def _apply(matrix: FloatArray, point: tuple[float, float]) -> list[float]:
    moved: list[float] = (matrix[:, :2] @ np.array(point) + matrix[:, 2]).tolist()
    return moved


def test_the_region_is_one_and_a_half_times_the_box() -> None:
    matrix = region_transform(
        _detection((100, 100, 200, 180), ((120, 130), (180, 130))), size_hw=(192, 192)
    )
    assert _apply(matrix, (150, 140)) == pytest.approx([96, 96])
    assert _apply(matrix, (75, 65)) == pytest.approx([0, 0], abs=1e-4)
    assert _apply(matrix, (225, 215)) == pytest.approx([192, 192], abs=1e-4)


@given(angle=st.floats(-3, 3), size=st.floats(20, 500))
def test_the_eyes_are_level_in_the_region(angle: float, size: float) -> None:
    half = size / 4
    eyes = (
        (300 - half * np.cos(angle), 300 - half * np.sin(angle)),
        (300 + half * np.cos(angle), 300 + half * np.sin(angle)),
    )
    box = (300 - size / 2, 300 - size / 2, 300 + size / 2, 300 + size / 2)
    matrix = region_transform(_detection(box, eyes), size_hw=(192, 192))
    left, right = (_apply(matrix, eye) for eye in eyes)
    assert left[1] == pytest.approx(right[1], abs=0.1)
    assert left[0] < right[0]


@given(angle=st.floats(-3, 3), size=st.floats(20, 500), seed=st.integers(0, 99))
def test_a_mesh_comes_back_to_where_it_was_in_the_frame(
    angle: float, size: float, seed: int
) -> None:
    eyes = ((0.0, 0.0), (float(np.cos(angle)), float(np.sin(angle))))
    matrix = region_transform(_detection((0, 0, size, size), eyes), size_hw=(192, 192))
    mesh = np.random.default_rng(seed).uniform(0, 192, (468, 3)).astype(np.float32)
    found = mesh_in_frame(mesh, matrix)
    again = found[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(again, mesh[:, :2], atol=0.05)
    np.testing.assert_allclose(found[:, 2], mesh[:, 2] * size * 1.5 / 192, rtol=1e-3, atol=1e-3)


def test_no_detection_gives_no_face() -> None:
    assert networks().landmarks.read(np.zeros((10, 10, 3), np.uint8), ()) == ()


def test_the_five_points_are_in_the_order_of_the_template() -> None:
    for file in ("collins-1.jpg", "obama-1.jpg", "hopper-1.jpg"):
        frame = portrait(file)
        (face,) = networks().landmarks.read(frame, networks().detector.detect(frame))
        left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks.tolist()
        assert left_eye[0] < nose[0] < right_eye[0]
        assert left_mouth[0] < nose[0] < right_mouth[0]
        assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
        assert face.mesh.shape == (468, 3)
        assert face.mesh_score > 0.99
        np.testing.assert_array_equal(face.landmarks, five_points(face.mesh))
        eyes = networks().detector.detect(frame)[0].keypoints[:2]
        np.testing.assert_allclose(face.landmarks[:2], eyes, atol=0.08 * face.size_px)


def test_a_turned_frame_turns_the_landmarks_with_it() -> None:
    frame = portrait("obama-1.jpg")
    (upright,) = networks().landmarks.read(frame, networks().detector.detect(frame))
    for angle in (-25, 20):
        height, width = frame.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
        turned = np.asarray(cv2.warpAffine(frame, turn, (width, height)), np.uint8)
        (face,) = networks().landmarks.read(turned, networks().detector.detect(turned)[:1])
        expected = upright.landmarks @ turn[:, :2].T + turn[:, 2]
        np.testing.assert_allclose(face.landmarks, expected, atol=0.05 * upright.size_px)


def test_faces_read_together_are_read_as_alone_and_keep_their_order() -> None:
    frame = np.concatenate(
        [cv2.resize(portrait(name), (400, 400)) for name in ("hopper-1.jpg", "obama-3.jpg")], axis=1
    )
    detections = networks().detector.detect(frame)
    assert len(detections) == 2
    together = networks().landmarks.read(frame, detections)
    for detection, face in zip(detections, together, strict=True):
        (alone,) = networks().landmarks.read(frame, (detection,))
        np.testing.assert_allclose(face.mesh, alone.mesh, atol=0.05)
        assert face.box_xyxy is detection.box_xyxy


def test_what_is_no_face_gets_a_low_mesh_score() -> None:
    frame = np.random.default_rng(1).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    (face,) = networks().landmarks.read(
        frame, (_detection((80, 80, 220, 220), ((120, 130), (180, 130))),)
    )
    assert face.mesh_score < 0.5
