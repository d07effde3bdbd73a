"""Alignment: the similarity transform, and what ends up in the crop."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attendance.types import CROP_SIZE_HW
from inference.align import TEMPLATE_XY, align, similarity_transform, warp


def _matrix(scale: float, angle: float, shift: tuple[float, float]) -> np.ndarray:
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[c, -s, shift[0]], [s, c, shift[1]]])


def _moved(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])


def _umeyama_by_svd(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The published form (singular values, sign matrix), written on its own for comparison."""
    ms, mt = source.mean(axis=0), target.mean(axis=0)
    covariance = (target - mt).T @ (source - ms) / len(source)
    u, d, vt = np.linalg.svd(covariance)
    sign = np.diag([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = u @ sign @ vt
    scale = np.trace(np.diag(d) @ sign) / ((source - ms) ** 2).sum(axis=1).mean()
    return np.column_stack([scale * rotation, mt - scale * rotation @ ms])


_numbers = st.floats(-200, 200, allow_nan=False)


@given(
    scale=st.floats(0.05, 20),
    angle=st.floats(-np.pi, np.pi),
    shift=st.tuples(_numbers, _numbers),
)
def test_a_known_transform_is_found_again(
    scale: float, angle: float, shift: tuple[float, float]
) -> None:
    matrix = _matrix(scale, angle, shift)
    found = similarity_transform(TEMPLATE_XY, _moved(TEMPLATE_XY, matrix).astype(np.float32))
    np.testing.assert_allclose(found, matrix, atol=1e-3 * max(1, scale), rtol=1e-3)


@given(st.lists(st.tuples(_numbers, _numbers), min_size=5, max_size=5))
def test_noisy_points_give_the_least_squares_answer_of_umeyama(
    points: list[tuple[float, float]],
) -> None:
    source = np.array(points, np.float32)
    if np.ptp(source, axis=0).max() < 1:
        return
    expected = _umeyama_by_svd(source.astype(np.float64), TEMPLATE_XY.astype(np.float64))
    found = similarity_transform(source, TEMPLATE_XY)
    ours = ((_moved(source, found) - TEMPLATE_XY) ** 2).sum()
    theirs = ((_moved(source, expected) - TEMPLATE_XY) ** 2).sum()
    assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-3)


def test_points_on_one_spot_are_an_error() -> None:
    with pytest.raises(ValueError, match="one spot"):
        similarity_transform(np.full((5, 2), 7, np.float32), TEMPLATE_XY)


def test_points_that_are_not_numbers_are_an_error() -> None:
    points = TEMPLATE_XY.copy()
    points[2, 0] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        similarity_transform(points, TEMPLATE_XY)


@pytest.mark.parametrize("scale", [0.6, 1.0, 3.0, 9.0])
@pytest.mark.parametrize("angle", [-0.5, 0.0, 2.0])
def test_landmarks_land_on_the_template_at_every_size(scale: float, angle: float) -> None:
    matrix = _matrix(scale, angle, (1000, 1000))
    landmarks = _moved(TEMPLATE_XY, matrix).astype(np.float32)
    for number, (x, y) in enumerate(landmarks):
        frame = np.zeros((2000, 2000, 3), np.uint8)
        cv2.circle(
            frame, (round(float(x)), round(float(y))), max(3, round(3 * scale)), (255,) * 3, -1
        )
        crop = align(frame, landmarks)
        assert crop.bgr.shape == (*CROP_SIZE_HW, 3)
        weight = crop.bgr[..., 0].astype(np.float64)
        rows, columns = np.mgrid[0 : CROP_SIZE_HW[0], 0 : CROP_SIZE_HW[1]]
        centre = (columns * weight).sum() / weight.sum(), (rows * weight).sum() / weight.sum()
        assert centre == pytest.approx(TEMPLATE_XY[number].tolist(), abs=max(0.75, 0.75 / scale))


def test_a_large_face_is_averaged_not_sampled() -> None:
    stripes = np.zeros((1120, 960, 3), np.uint8)
    stripes[:, ::2] = 255
    matrix = np.array([[0.1, 0, 0], [0, 0.1, 0]], np.float32)
    small = warp(stripes, matrix, size_hw=CROP_SIZE_HW)
    inner = small[4:-4, 4:-4]
    assert inner.min() >= 120
    assert inner.max() <= 135


def test_what_lies_beyond_the_frame_is_black() -> None:
    frame = np.full((112, 96, 3), 200, np.uint8)
    crop = align(frame, TEMPLATE_XY - np.float32(40))
    assert crop.bgr[:20, :20].max() == 0
    assert crop.bgr[-20:, -20:].min() == 200


def test_a_crop_cannot_be_written_to() -> None:
    crop = align(np.zeros((112, 96, 3), np.uint8), TEMPLATE_XY)
    with pytest.raises(ValueError, match="read-only"):
        crop.bgr[0, 0] = 1
