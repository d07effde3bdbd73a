"""Find faces in a frame with BlazeFace (Bazarevsky et al. 2019)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from attendance.errors import ModelError
from attendance.types import BgrImage, FloatArray, read_only
from inference.session import ModelSession

KEYPOINTS = 6
_MERGE_IOU = 0.3
_MAX_LOGIT = 80.0
_SHRINK_BY_AREA = 2.0
_PAD_SHARES = (0.3, 0.75)
# Share of the picture a tile takes, and tiles a side. A tile sees more texture than a picture of a
# person does, so it has to be surer.
_TILES = ((0.6, 2), (0.3, 5))
_MIN_TILE_SCORE = 0.7


@dataclass(frozen=True, slots=True)
class Detection:
    """One face found.

    box_xyxy: float32 (4,), pixels of the frame, may reach beyond its edge. keypoints: float32
    (6, 2), pixels: eye, eye, nose, mouth, ear, ear, each pair left in the picture first.
    score: probability in [0, 1].
    """

    box_xyxy: FloatArray
    keypoints: FloatArray
    score: float

    @property
    def size_px(self) -> float:
        """Longer side of the box in pixels."""
        x0, y0, x1, y1 = (float(v) for v in self.box_xyxy)
        return max(x1 - x0, y1 - y0)

    def moved(self, offset_xy: tuple[float, float]) -> "Detection":
        """Return the same face in a frame whose origin lies at offset_xy of this one's."""
        offset = np.asarray(offset_xy, np.float32)
        return Detection(
            box_xyxy=read_only((self.box_xyxy.reshape(2, 2) - offset).reshape(4)),
            keypoints=read_only(self.keypoints - offset),
            score=self.score,
        )


def anchor_centres(spec: str) -> FloatArray:
    """Return float32 (A, 2): anchor centres x, y in [0, 1] for a spec such as "16x16x2,8x8x6".

    Each part is rows × columns × anchors a cell, in the order of the network's outputs.
    Raises ValueError if the spec cannot be read.
    """
    layers = []
    for part in spec.split(","):
        rows, columns, per_cell = (int(number) for number in part.strip().split("x"))
        if min(rows, columns, per_cell) < 1:
            raise ValueError(f"the anchors «{part}» are not positive")
        y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
        cells = np.stack([(x + 0.5) / columns, (y + 0.5) / rows], axis=-1).reshape(-1, 2)
        layers.append(np.repeat(cells, per_cell, axis=0))
    return np.concatenate(layers).astype(np.float32)


def iou_with(box_xyxy: FloatArray, boxes_xyxy: FloatArray) -> FloatArray:
    """Return float32 (N,): intersection over union of one box (4,) with boxes (N, 4)."""
    low = np.maximum(box_xyxy[:2], boxes_xyxy[:, :2])
    high = np.minimum(box_xyxy[2:], boxes_xyxy[:, 2:])
    both = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(np.clip(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], 0, None), axis=1)
    area = np.prod(np.clip(box_xyxy[2:] - box_xyxy[:2], 0, None))
    union = area + areas - both
    iou: FloatArray = np.divide(both, union, out=np.zeros_like(both), where=union > 0)
    return iou


def merge_overlapping(
    points: FloatArray, scores: FloatArray, *, min_iou: float = _MERGE_IOU
) -> tuple[FloatArray, FloatArray]:
    """Weighted non-maximum suppression: each cluster becomes its score-weighted mean.

    points: float32 (N, P), the first four the box x0, y0, x1, y1. scores: float32 (N,). Returns
    points (M, P) and scores (M,), highest score first; a cluster keeps its highest score.
    """
    left = np.argsort(-scores, kind="stable")
    merged, kept = [], []
    while left.size:
        best = left[0]
        near = iou_with(points[best, :4], points[left, :4]) > min_iou
        near[0] = True
        members = left[near]
        weights = scores[members]
        merged.append((points[members] * weights[:, None]).sum(axis=0) / weights.sum())
        kept.append(scores[best])
        left = left[~near]
    if not merged:
        return points[:0], scores[:0]
    return np.stack(merged).astype(np.float32), np.asarray(kept, np.float32)


class Detector:
    """BlazeFace on one session. Owned by the thread that owns the session."""

    def __init__(self, session: ModelSession, *, threshold: float, max_faces: int) -> None:
        """Raise ModelError if the file's anchors are not those of its outputs."""
        self._session = session
        self._threshold = threshold
        self._max_faces = max_faces
        self._min_logit = float(np.log(threshold / (1 - threshold)))
        try:
            self._anchors = anchor_centres(session.metadata["anchors"])
            self._box_scale = float(session.metadata["box_scale"])
        except ValueError as error:
            raise ModelError(f"{session.entry.file} has unreadable anchors: {error}.") from error
        shape = session.runtime.get_outputs()[0].shape
        if len(self._anchors) not in shape:
            raise ModelError(
                f"{session.entry.file} has {len(self._anchors)} anchors for outputs {shape}."
            )

    @property
    def session(self) -> ModelSession:
        return self._session

    @property
    def threshold(self) -> float:
        return self._threshold

    def detect(self, frame_bgr: BgrImage) -> tuple[Detection, ...]:
        """Return the faces of a frame uint8 (H, W, 3), largest first, at most max_faces."""
        return self._largest_first(self._find(frame_bgr))

    def attempts(self, frame_bgr: BgrImage) -> Iterator[tuple[Detection, ...]]:
        """Yield what is found in a single photo by looking ever harder; never an empty tuple.

        First as detect does, then with a margin around the photo (close-ups), then in overlapping
        tiles (small faces). The later, the more may be found that is no face: ask the mesh.
        """
        yield from filter(None, map(self._largest_first, self._searches(frame_bgr)))

    def _searches(self, frame_bgr: BgrImage) -> Iterator[list[Detection]]:
        yield self._find(frame_bgr)
        for share in _PAD_SHARES:
            yield self._find_padded(frame_bgr, share=share)
        for share, tiles in _TILES:
            yield self._find_in_tiles(frame_bgr, share=share, tiles=tiles)

    def _largest_first(self, found: Sequence[Detection]) -> tuple[Detection, ...]:
        return tuple(sorted(found, key=lambda one: -one.size_px)[: self._max_faces])

    def _find(self, frame_bgr: BgrImage) -> list[Detection]:
        picture, scale_xy, offset_xy = letterbox(frame_bgr, size_hw=self._session.contract.size_hw)
        boxes, scores = self._session.run(self._session.contract.prepare([picture]))
        logits = scores.reshape(-1)
        chosen = np.flatnonzero(logits >= self._min_logit)
        if not chosen.size:
            return []
        raw = boxes.reshape(len(logits), -1)[chosen] / self._box_scale
        anchors = self._anchors[chosen]
        centre = raw[:, :2] + anchors
        half = raw[:, 2:4] / 2
        keypoints = raw[:, 4 : 4 + 2 * KEYPOINTS].reshape(-1, KEYPOINTS, 2) + anchors[:, None]
        points = np.concatenate(
            [centre - half, centre + half, keypoints.reshape(-1, 2 * KEYPOINTS)], axis=1
        )
        clipped = np.clip(logits[chosen], -_MAX_LOGIT, _MAX_LOGIT)
        probabilities = (1 / (1 + np.exp(-clipped))).astype(np.float32)
        points, kept = merge_overlapping(points, probabilities)
        size_wh = np.asarray(self._session.contract.size_hw[::-1], np.float32)
        pixels = (points.reshape(len(points), -1, 2) * size_wh - offset_xy) / scale_xy
        pixels = pixels.astype(np.float32)
        return [
            Detection(
                box_xyxy=read_only(row[:2].reshape(4)),
                keypoints=read_only(row[2:]),
                score=float(score),
            )
            for row, score in zip(pixels, kept, strict=True)
        ]

    def _find_padded(self, frame_bgr: BgrImage, *, share: float) -> list[Detection]:
        margin = round(max(frame_bgr.shape[:2]) * share)
        padded = cv2.copyMakeBorder(
            frame_bgr, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=(0, 0, 0)
        )
        return [one.moved((margin, margin)) for one in self._find(cast(BgrImage, padded))]

    def _find_in_tiles(self, frame_bgr: BgrImage, *, share: float, tiles: int) -> list[Detection]:
        height, width = frame_bgr.shape[:2]
        tile_h, tile_w = max(1, round(height * share)), max(1, round(width * share))
        found: list[Detection] = []
        for y in np.linspace(0, height - tile_h, tiles).astype(int).tolist():
            for x in np.linspace(0, width - tile_w, tiles).astype(int).tolist():
                tile = np.ascontiguousarray(frame_bgr[y : y + tile_h, x : x + tile_w])
                found += [one.moved((-x, -y)) for one in self._find(tile)]
        return _without_doubles([one for one in found if one.score >= _MIN_TILE_SCORE])


def letterbox(
    frame_bgr: BgrImage, *, size_hw: tuple[int, int]
) -> tuple[BgrImage, FloatArray, FloatArray]:
    """Fit a frame into size_hw without changing its shape; the rest is black.

    Returns the picture, the scale (frame pixel → picture pixel) and the offset, each float32 (2,)
    x, y.
    """
    height, width = size_hw
    frame_h, frame_w = frame_bgr.shape[:2]
    scale = min(height / frame_h, width / frame_w)
    inner_h = max(1, min(height, round(frame_h * scale)))
    inner_w = max(1, min(width, round(frame_w * scale)))
    how = cv2.INTER_AREA if scale < 1 / _SHRINK_BY_AREA else cv2.INTER_LINEAR
    picture = np.zeros((height, width, 3), np.uint8)
    top, left = (height - inner_h) // 2, (width - inner_w) // 2
    picture[top : top + inner_h, left : left + inner_w] = cv2.resize(
        frame_bgr, (inner_w, inner_h), interpolation=how
    )
    scale_xy = np.asarray((inner_w / frame_w, inner_h / frame_h), np.float32)
    return picture, scale_xy, np.asarray((left, top), np.float32)


def _without_doubles(found: Sequence[Detection]) -> list[Detection]:
    kept: list[Detection] = []
    for detection in sorted(found, key=lambda one: -one.score):
        others = np.array([one.box_xyxy for one in kept], np.float32).reshape(-1, 4)
        if not (iou_with(detection.box_xyxy, others) > _MERGE_IOU).any():
            kept.append(detection)
    return kept
