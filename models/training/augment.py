"""The faults of a webcam and of alignment, put on crops: the same numbers give the same pictures.

The teacher sees the same augmented crop as the student, so nothing here has to keep the face the
same person; it has to look like what a kiosk sees.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Crops = NDArray[np.uint8]
"""BGR uint8 (N, 112, 112, 3)."""

_MIDDLE = 55.5


@dataclass(frozen=True, slots=True)
class AugmentationSettings:
    """Chances are for each crop; amounts are the ends of an even distribution around nothing."""

    mirror_chance: float = 0.5
    shift_px: float = 3.0
    rotation_deg: float = 4.0
    zoom: float = 0.05
    brightness: float = 0.2
    contrast: float = 0.25
    colour: float = 0.06
    blur_chance: float = 0.1
    downscale_chance: float = 0.15
    jpeg_chance: float = 0.15
    noise_chance: float = 0.1


def augment(crops: Crops, settings: AugmentationSettings, rng: np.random.Generator) -> Crops:
    """New crops with random changes; the input is left as it is."""
    return np.stack([_one(crop, settings, rng) for crop in crops])


def _one(crop: Crops, s: AugmentationSettings, rng: np.random.Generator) -> Crops:
    size = crop.shape[1], crop.shape[0]
    matrix = cv2.getRotationMatrix2D(
        (_MIDDLE, _MIDDLE),
        float(rng.uniform(-s.rotation_deg, s.rotation_deg)),
        1 + float(rng.uniform(-s.zoom, s.zoom)),
    )
    matrix[0, 2] += float(rng.uniform(-s.shift_px, s.shift_px))
    matrix[1, 2] += float(rng.uniform(-s.shift_px, s.shift_px))
    picture = cv2.warpAffine(
        crop, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    ).astype(np.uint8)
    if rng.random() < s.mirror_chance:
        picture = picture[:, ::-1]
    if rng.random() < s.downscale_chance:
        picture = _downscaled(picture, float(rng.uniform(0.35, 0.8)))
    if rng.random() < s.blur_chance:
        blurred = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.5, 1.6)))
        picture = blurred.astype(np.uint8)
    gain = 1 + rng.uniform(-s.contrast, s.contrast) + rng.uniform(-s.colour, s.colour, 3)
    lift = 255 * rng.uniform(-s.brightness, s.brightness) / 2
    changed = (picture.astype(np.float32) - 127.5) * gain.astype(np.float32) + (127.5 + lift)
    if rng.random() < s.noise_chance:
        changed += rng.standard_normal(changed.shape, np.float32) * float(rng.uniform(2, 8))
    picture = np.clip(np.rint(changed), 0, 255).astype(np.uint8)
    if rng.random() < s.jpeg_chance:
        picture = _through_jpeg(picture, int(rng.integers(30, 90)))
    return picture


def _downscaled(picture: Crops, factor: float) -> Crops:
    height, width = picture.shape[:2]
    small = cv2.resize(
        picture,
        (round(width * factor), round(height * factor)),
        interpolation=cv2.INTER_AREA,
    )
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8)


def _through_jpeg(picture: Crops, quality: int) -> Crops:
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return picture if decoded is None else decoded.astype(np.uint8)
