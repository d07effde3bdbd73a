"""How usable one look at a face is: size, light, sharpness, pose, eyes, the frame's edge."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from attendance.config import QualitySettings
from attendance.types import Crop, Face, FloatArray, Quality, QualityFlag

_LEVEL_PAIRS = np.array([(33, 263), (133, 362), (61, 291), (234, 454), (127, 356), (93, 323)])
_UPRIGHT_PAIRS = np.array([(10, 152), (168, 164), (9, 200), (8, 17)])
_EYES = np.array(
    [
        [(33, 133), (160, 144), (159, 145), (158, 153)],
        [(263, 362), (387, 373), (386, 374), (385, 380)],
    ]
)
# Median over the 3,811 pictures of LFW's folds 1 to 5: the line from forehead to chin leans a
# little on a face that looks straight ahead.
_NEUTRAL_PITCH_DEG = -3.6
# This mesh closes its eyelids only half: on the development clips closed eyes had 0.26 to 0.31,
# open ones 0.24 to 0.37. So the flag stands for the clear case only, and what the crop shows of
# the eyes (closed 0.05 to 0.12, open 0.12 to 0.4, but squinting and deep-set eyes reach down to
# 0.04) lowers the score instead of refusing anybody.
_MIN_EYE_ASPECT = 0.12
_EYE_DETAIL = (0.04, 0.12)
_CLOSED_EYES_FACTOR = 0.7
_EYES_XY = ((30, 52), (65, 52))
_MAX_OUTSIDE = 0.02
# The part of the crop that shows the face and little of the background, rows and columns.
_FACE_YX = (slice(34, 104), slice(16, 80))
_DARKEST = 16.0
_GLARE_FROM = 75.0


@dataclass(frozen=True, slots=True)
class HeadPose:
    """Degrees; signs as in Quality: yaw to the picture's right, pitch up, roll clockwise."""

    yaw_deg: float
    pitch_deg: float
    roll_deg: float


def head_pose(mesh: FloatArray) -> HeadPose:
    """Return where a face looks. mesh: float32 (468, 3), pixels, x right, y down, z away.

    The face's plane is spanned by lines that join symmetric points and lines down its middle; the
    normal of that plane gives yaw and pitch, the first axis gives roll.
    """
    points = mesh.astype(np.float64)
    across = (points[_LEVEL_PAIRS[:, 1]] - points[_LEVEL_PAIRS[:, 0]]).sum(axis=0)
    down = (points[_UPRIGHT_PAIRS[:, 1]] - points[_UPRIGHT_PAIRS[:, 0]]).sum(axis=0)
    forward = -np.cross(across, down)
    yaw = np.degrees(np.arctan2(forward[0], -forward[2]))
    pitch = np.degrees(np.arctan2(-forward[1], np.hypot(forward[0], forward[2])))
    roll = np.degrees(np.arctan2(across[1], across[0]))
    return HeadPose(float(yaw), float(pitch) - _NEUTRAL_PITCH_DEG, float(roll))


def eye_aspect(mesh: FloatArray) -> float:
    """Return the height of the more open eye over its width; below 0.12 both are surely closed."""
    points = mesh[_EYES].astype(np.float64)
    lengths = np.linalg.norm(points[:, :, 0] - points[:, :, 1], axis=2)
    widths = np.maximum(lengths[:, 0], 1e-6)
    return float((lengths[:, 1:].mean(axis=1) / widths).max())


def eye_detail(luma: FloatArray) -> float:
    """Return how much brightness changes along the more open eye, over its contrast.

    luma: float32 (112, 96), a crop. An open eye has white, iris and white from left to right; a
    closed one is a line that looks the same everywhere.
    """
    details = []
    for x, y in _EYES_XY:
        around = np.sort(luma[y - 7 : y + 7, x - 9 : x + 10], axis=None)
        contrast = float(around[-len(around) // 10] - around[len(around) // 30])
        across = luma[y - 3 : y + 3, x - 7 : x + 8].mean(axis=0)
        details.append(float(across.std()) / max(contrast, 1.0))
    return max(details)


def compensated_sharpness(luma: NDArray[np.uint8]) -> float:
    """Return the variance of the Laplacian of a crop's face, as if its mean luma were 128.

    A dark picture has less contrast without being blurred, so the variance is scaled by the square
    of the brightness. luma: uint8 (112, 96).
    """
    edges = cv2.Laplacian(luma, cv2.CV_32F)[_FACE_YX]
    gain = 128.0 / max(float(luma[_FACE_YX].mean()), _DARKEST)
    return float(edges.var()) * gain**2


def share_outside(mesh: FloatArray, *, frame_size_hw: tuple[int, int]) -> float:
    """Return the share of mesh points that lie beyond the frame's edge, in [0, 1]."""
    height, width = frame_size_hw
    x, y = mesh[:, 0], mesh[:, 1]
    return float(((x < 0) | (y < 0) | (x > width - 1) | (y > height - 1)).mean())


def measure_quality(
    face: Face, crop: Crop, *, frame_size_hw: tuple[int, int], settings: QualitySettings
) -> Quality:
    """Measure one look: hard limits from the settings become flags, soft factors the score."""
    luma = np.asarray(cv2.cvtColor(crop.bgr, cv2.COLOR_BGR2GRAY), np.uint8)
    brightness = float(luma[_FACE_YX].mean())
    sharpness = compensated_sharpness(luma)
    pose = head_pose(face.mesh)
    min_size_px = max(settings.min_face_px, settings.min_face_share * frame_size_hw[0])
    flags = {
        QualityFlag.CUT_OFF: share_outside(face.mesh, frame_size_hw=frame_size_hw) > _MAX_OUTSIDE,
        QualityFlag.TOO_SMALL: face.size_px < min_size_px,
        QualityFlag.TOO_DARK: brightness < settings.min_brightness,
        QualityFlag.TOO_BRIGHT: brightness > settings.max_brightness,
        QualityFlag.NOT_FRONTAL: abs(pose.yaw_deg) > settings.max_yaw_deg
        or abs(pose.pitch_deg) > settings.max_pitch_deg
        or abs(pose.roll_deg) > settings.max_roll_deg,
        QualityFlag.EYES_CLOSED: eye_aspect(face.mesh) < _MIN_EYE_ASPECT,
        QualityFlag.BLURRED: sharpness < settings.min_sharpness,
        QualityFlag.LOW_SCORE: face.mesh_score < settings.min_mesh_score,
    }
    eyes = _rising(eye_detail(luma.astype(np.float32)), low=_EYE_DETAIL[0], high=_EYE_DETAIL[1])
    score = (
        _rising(face.size_px, low=0.0, high=settings.min_face_px * 1.6)
        * _rising(sharpness, low=0.0, high=settings.min_sharpness * 4)
        * _rising(brightness, low=settings.min_brightness / 2, high=settings.min_brightness * 1.6)
        * _rising(255 - brightness, low=(255 - settings.max_brightness) / 2, high=_GLARE_FROM)
        * _falling(pose.yaw_deg, limit=settings.max_yaw_deg)
        * _falling(pose.pitch_deg, limit=settings.max_pitch_deg)
        * (_CLOSED_EYES_FACTOR + (1 - _CLOSED_EYES_FACTOR) * eyes)
        * face.score
        * face.mesh_score
    )
    return Quality(
        score=float(np.clip(score, 0.0, 1.0)),
        flags=frozenset(flag for flag, raised in flags.items() if raised),
        yaw_deg=pose.yaw_deg,
        pitch_deg=pose.pitch_deg,
        roll_deg=pose.roll_deg,
        brightness=brightness,
        sharpness=sharpness,
        size_px=face.size_px,
    )


def _rising(value: float, *, low: float, high: float) -> float:
    if high <= low:
        return 1.0
    return math.sqrt(min(max((value - low) / (high - low), 0.0), 1.0))


def _falling(angle_deg: float, *, limit: float) -> float:
    return max(0.0, 1 - 0.6 * (angle_deg / limit) ** 2)
