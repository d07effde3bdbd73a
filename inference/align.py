"""Warp a face to the 112 × 96 template every embedding network expects."""

from typing import cast

import cv2
import numpy as np

from attendance.types import CROP_SIZE_HW, BgrImage, Crop, FloatArray, read_only

TEMPLATE_XY: FloatArray = read_only(
    np.array(
        [
            (30.2946, 51.6963),
            (65.5318, 51.5014),
            (48.0252, 71.7366),
            (33.5493, 92.3655),
            (62.7299, 92.2041),
        ],
        np.float32,
    )
)
"""float32 (5, 2): where the five landmarks lie in the crop, pixels x, y (the ArcFace template)."""

_MIN_SPREAD_PX = 1e-3
_SHRINK_FROM = 2
_ROUNDING = 1e-3


def similarity_transform(source_xy: FloatArray, target_xy: FloatArray) -> FloatArray:
    """Return float32 (2, 3): the rotation, scale and shift that map source to target points best.

    Least squares without reflection (Umeyama 1991, eq. 40 to 42, in the plane), for points
    float32 (N, 2). Raises ValueError if the source points are degenerate (zero spread) or not
    finite.
    """
    source = np.asarray(source_xy, np.float64)
    target = np.asarray(target_xy, np.float64)
    if not (np.isfinite(source).all() and np.isfinite(target).all()):
        raise ValueError("the points are not finite")
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    p = (source - source_mean) @ np.array([1, 1j])
    q = (target - target_mean) @ np.array([1, 1j])
    spread = float(np.vdot(p, p).real)
    if spread <= len(source) * _MIN_SPREAD_PX**2:
        raise ValueError("the points lie on one spot")
    turn = np.vdot(p, q) / spread
    linear = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    shift = target_mean - linear @ source_mean
    return np.column_stack([linear, shift]).astype(np.float32)


def warp(frame_bgr: BgrImage, matrix: FloatArray, *, size_hw: tuple[int, int]) -> BgrImage:
    """Return the frame seen through a similarity transform, uint8 (size_hw, 3); black outside.

    matrix: float32 (2, 3), frame pixel → result pixel. Where the frame shrinks to less than half,
    it is averaged first, so that large faces do not alias.
    """
    height, width = size_hw
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    factor = int(1 / scale + _ROUNDING) if scale > 0 else 1
    if factor >= _SHRINK_FROM:
        frame_bgr, matrix = _shrunk(frame_bgr, matrix, size_hw=size_hw, factor=factor)
    return cast(
        BgrImage, cv2.warpAffine(frame_bgr, matrix, (width, height), flags=cv2.INTER_LINEAR)
    )


def align(frame_bgr: BgrImage, landmarks: FloatArray) -> Crop:
    """Warp a face to the 112 × 96 template with a similarity transform (Umeyama 1991).

    landmarks: float32 (5, 2), pixels, order left eye, right eye, nose, left mouth, right mouth.
    Raises ValueError if the points are degenerate (zero spread).
    """
    matrix = similarity_transform(landmarks, TEMPLATE_XY)
    return Crop(bgr=read_only(warp(frame_bgr, matrix, size_hw=CROP_SIZE_HW)))


def _shrunk(
    frame_bgr: BgrImage, matrix: FloatArray, *, size_hw: tuple[int, int], factor: int
) -> tuple[BgrImage, FloatArray]:
    height, width = size_hw
    corners = np.array([(0, 0), (width, 0), (0, height), (width, height)], np.float64)
    linear, shift = matrix[:, :2].astype(np.float64), matrix[:, 2].astype(np.float64)
    seen = (corners - shift) @ np.linalg.inv(linear).T
    frame_h, frame_w = frame_bgr.shape[:2]
    left, top = np.clip(np.floor(seen.min(axis=0)) - factor, 0, (frame_w, frame_h)).astype(int)
    right, bottom = np.clip(np.ceil(seen.max(axis=0)) + factor, 0, (frame_w, frame_h)).astype(int)
    small_w, small_h = (right - left) // factor, (bottom - top) // factor
    if small_w < 1 or small_h < 1:
        return frame_bgr, matrix
    part = frame_bgr[top : top + small_h * factor, left : left + small_w * factor]
    small = cv2.resize(part, (int(small_w), int(small_h)), interpolation=cv2.INTER_AREA)
    origin = np.array([left, top]) + (factor - 1) / 2
    adjusted = np.column_stack([linear * factor, linear @ origin + shift])
    return cast(BgrImage, small), adjusted.astype(np.float32)
