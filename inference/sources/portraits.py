"""The demo's moving picture: still portraits that come, sway before the camera, and go."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attendance.ports import Clock
from attendance.types import BgrImage, FloatArray, Frame
from inference.sources.base import Playback, Wait, wait_for_event
from inference.sources.opencv import as_bgr

FPS = 25
SIZE_HW = (480, 640)
ALONE_S = 3.6
TOGETHER_S = 3.6
PAUSE_S = 0.8
ENTER_S = 0.6
ALONE_HEIGHT_PX = 430.0
TOGETHER_HEIGHT_PX = 310.0
FACE_MARGIN = 2.6
FEATHER_PX = 14
NOISE_SIGMA = 2.5
NOISE_MARGIN_PX = 64
ZOOM_SHARE = 0.06
TILT_DEG = 4.0
SWAY_PX = 22.0


@dataclass(frozen=True, slots=True)
class _Part:
    """One portrait in one scene. home_x: where it stands; enters from the side it stands on."""

    photo: int
    height_px: float
    home_x: float
    from_x: float
    phase: float


@dataclass(frozen=True, slots=True)
class _Scene:
    parts: tuple[_Part, ...]
    seconds: float


class PortraitSource:
    """Portraits at 640 × 480 and 25 frames a second: one after the other, then two together.

    Each slides in, moves, turns and grows a little for 3.6 s, and slides out; between two there is
    nobody for 0.8 s. The same photos and seed give the same frames. Not live: ends after the last
    scene, or begins again if `repeat`.
    photos: BGR uint8 (H, W, 3), at least one. boxes_xyxy: the face's box in each photo, pixels; the
    photo is then cut to 2.6 times the face, so that everybody comes equally near. together: which
    two (indices) come together at the end; None for nobody.
    Raises ValueError if there is no photo, `together` names one that is not there, or there are not
    as many boxes as photos.
    """

    live = False
    has_noise = False
    description = "The demo"

    def __init__(
        self,
        photos: Sequence[BgrImage],
        *,
        clock: Clock,
        boxes_xyxy: Sequence[FloatArray] | None = None,
        fast: bool = False,
        repeat: bool = False,
        together: tuple[int, int] | None = None,
        seed: int = 1,
        wait: Wait = wait_for_event,
    ) -> None:
        if not photos or (together and not 0 <= min(together) <= max(together) < len(photos)):
            raise ValueError(f"{len(photos)} photos, of which {together} together")
        if boxes_xyxy is not None:
            photos = [
                _around_face(photo, box) for photo, box in zip(photos, boxes_xyxy, strict=True)
            ]
        self._photos = tuple(photos)
        self._repeat = repeat
        self._seed = seed
        self._playback = Playback(clock, fast=fast, wait=wait)
        self._scenes = _scenes(len(photos), together=together, seed=seed)
        self._count = 0
        self._painter: _Painter | None = None

    @property
    def seconds(self) -> float:
        """How long one round takes."""
        return sum(scene.seconds for scene in self._scenes)

    def open(self) -> None:
        self._painter = _Painter(self._photos, seed=self._seed)
        self._count = 0
        self._playback.start()

    def read(self) -> Frame | None:
        position_s = self._count / FPS
        if self._painter is None or self._playback.interrupted:
            return None
        if position_s >= self.seconds and not self._repeat:
            return None
        scene, at_s = self._scene_at(position_s % self.seconds)
        picture = self._painter.paint(scene, at_s=at_s, count=self._count)
        self._count += 1
        return self._playback.frame(picture, position_s=position_s)

    def interrupt(self) -> None:
        self._playback.interrupt()

    def close(self) -> None:
        self._painter = None
        self._playback.finish()

    def _scene_at(self, position_s: float) -> tuple[_Scene, float]:
        for scene in self._scenes:
            if position_s < scene.seconds:
                return scene, position_s
            position_s -= scene.seconds
        return self._scenes[-1], self._scenes[-1].seconds


def _around_face(photo: BgrImage, box_xyxy: FloatArray) -> BgrImage:
    """Return the square around a face, as far as the photo goes."""
    x0, y0, x1, y1 = (float(v) for v in box_xyxy)
    side_px = FACE_MARGIN * max(x1 - x0, y1 - y0)
    left = max(0, round((x0 + x1 - side_px) / 2))
    top = max(0, round((y0 + y1 - side_px) / 2))
    return photo[top : top + round(side_px), left : left + round(side_px)]


def _scenes(photos: int, *, together: tuple[int, int] | None, seed: int) -> tuple[_Scene, ...]:
    chance = np.random.default_rng(seed)
    width_px = SIZE_HW[1]

    def part(photo: int, height_px: float, home: float, *, side: int) -> _Part:
        outside = width_px * (0.5 + side * 0.5) + side * height_px * 0.6
        return _Part(photo, height_px, home * width_px, outside, chance.uniform(0, math.tau))

    scenes = [
        _Scene((part(photo, ALONE_HEIGHT_PX, 0.5, side=1 if photo % 2 else -1),), ALONE_S)
        for photo in range(photos)
    ]
    if together is not None:
        left, right = together
        pair = (
            part(left, TOGETHER_HEIGHT_PX, 0.25, side=-1),
            part(right, TOGETHER_HEIGHT_PX, 0.75, side=1),
        )
        scenes.append(_Scene(pair, TOGETHER_S))
    pause = _Scene((), PAUSE_S)
    return tuple(one for scene in scenes for one in (pause, scene))


class _Painter:
    """Paints one frame; holds the background, the noise and the feathered portraits."""

    def __init__(self, photos: Sequence[BgrImage], *, seed: int) -> None:
        import cv2

        chance = np.random.default_rng(seed)
        height_px, width_px = SIZE_HW
        top, bottom = np.array([176, 168, 158], np.float32), np.array([112, 104, 98], np.float32)
        share = np.linspace(0, 1, height_px, dtype=np.float32)[:, None, None]
        self._background = np.broadcast_to(
            top + (bottom - top) * share, (height_px, width_px, 3)
        ).astype(np.uint8)
        field_hw = (height_px + NOISE_MARGIN_PX, width_px + NOISE_MARGIN_PX)
        noise = chance.normal(0, NOISE_SIGMA, field_hw).round()
        self._brighter = cv2.merge([noise.clip(min=0).astype(np.uint8)] * 3)
        self._darker = cv2.merge([(-noise).clip(min=0).astype(np.uint8)] * 3)
        self._photos = photos
        self._masks = [cv2.GaussianBlur(_inner(photo), (0, 0), FEATHER_PX / 2) for photo in photos]

    def paint(self, scene: _Scene, *, at_s: float, count: int) -> BgrImage:
        import cv2

        picture = self._background
        for part in scene.parts:
            picture = self._with_portrait(picture, part, at_s=at_s, seconds=scene.seconds)
        # One field of noise, cut out elsewhere for each frame, costs a tenth of fresh noise.
        y, x = (37 * count) % NOISE_MARGIN_PX, (23 * count) % NOISE_MARGIN_PX
        cut = (slice(y, y + SIZE_HW[0]), slice(x, x + SIZE_HW[1]))
        noisy = cv2.subtract(cv2.add(picture, self._brighter[cut]), self._darker[cut])
        return as_bgr(noisy)

    def _with_portrait(
        self, picture: BgrImage, part: _Part, *, at_s: float, seconds: float
    ) -> BgrImage:
        import cv2

        matrix = _placing(part, self._photos[part.photo].shape, at_s=at_s, seconds=seconds)
        size_wh = (SIZE_HW[1], SIZE_HW[0])
        portrait = cv2.warpAffine(
            self._photos[part.photo], matrix, size_wh, borderMode=cv2.BORDER_REPLICATE
        )
        mask = cv2.warpAffine(self._masks[part.photo], matrix, size_wh)
        return as_bgr(cv2.blendLinear(portrait, picture, mask, 1 - mask))


def _inner(photo: BgrImage) -> FloatArray:
    """Return float32 (H, W): 1 inside, 0 along the edge."""
    mask = np.zeros(photo.shape[:2], np.float32)
    mask[FEATHER_PX:-FEATHER_PX, FEATHER_PX:-FEATHER_PX] = 1
    return mask


def _placing(
    part: _Part, shape: tuple[int, ...], *, at_s: float, seconds: float
) -> NDArray[np.float64]:
    """Return the 2 × 3 matrix that puts the photo where it is at that time of the scene."""
    here = min(_eased(at_s / ENTER_S), _eased((seconds - at_s) / ENTER_S))
    swing = math.tau * at_s / seconds + part.phase
    x = part.from_x + (part.home_x - part.from_x) * here + SWAY_PX * math.sin(swing)
    y = SIZE_HW[0] / 2 + 0.4 * SWAY_PX * math.sin(2 * swing + 1)
    scale = part.height_px / shape[0] * (1 + ZOOM_SHARE * math.sin(swing + 2))
    angle = math.radians(TILT_DEG) * math.sin(swing + 4)
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    middle_x, middle_y = shape[1] / 2, shape[0] / 2
    return np.array(
        [
            [cos, -sin, x - cos * middle_x + sin * middle_y],
            [sin, cos, y - sin * middle_x - cos * middle_y],
        ]
    )


def _eased(share: float) -> float:
    """Return 0 … 1 with a soft start and end."""
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)
