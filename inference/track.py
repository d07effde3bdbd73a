"""Follow faces from frame to frame.

By place: the face nearest to where a track is expected, measured in face sizes, takes it over. By
looks: when the embedding of a track jumps, somebody else stands there (a cut in a video, two
people crossing, a swift change before the kiosk) and a new track begins, so that no vote of one
person ever counts for another.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from attendance.types import Embedding, Face, FloatArray

LOST_AFTER_S = 1.2
"""Longer than the pause between two frames of a very slow machine."""
SAME_PERSON_COSINE = 0.45
"""Measured on clips of 11 people: of 2,292 looks every one lay at 0.61 (fp32; int8 0.63) or higher
to the sum of the earlier ones of its track; of 1,294 cuts from one person to another in the same
place 0 (int8 4) went unnoticed, with 0.3 instead 71 (int8 59)."""
NEAR_SIZES = 0.6
NEAR_SIZES_PER_S = 4.0
NEAREST_LIMIT_SIZES = 1.2
"""How far, in face sizes, a face may be from where it was expected: 0.6 and 4 for each second
between the frames (a brisk walk close to the camera), at most 1.2."""
MAX_SIZE_RATIO = 2.0
PREDICT_FOR_S = 0.4
VELOCITY_SHARE = 0.5
OVERLAP_WEIGHT = 0.5
SIZE_WEIGHT = 0.5


@dataclass(slots=True, eq=False)
class _Track:
    """vote_sum: quality-weighted sum of the unit embeddings, None before the first."""

    track_id: int
    face: Face
    seen_ns: int
    age: int = 1
    velocity_xy: tuple[float, float] = (0.0, 0.0)
    vote_sum: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Followed:
    """track_id and age (frames seen, this one included) of one face of the frame."""

    track_id: int
    age: int


class Tracker:
    """Keeps the tracks of one source. Owned by the inference thread.

    For each frame: `update` once, `confirm` for each face that was embedded, `take_lost` last.
    """

    def __init__(
        self,
        *,
        lost_after_s: float = LOST_AFTER_S,
        same_person_cosine: float = SAME_PERSON_COSINE,
    ) -> None:
        self._lost_after_ns = round(lost_after_s * 1e9)
        self._same_person_cosine = same_person_cosine
        self._ids = itertools.count(1)
        self._tracks: list[_Track] = []
        self._lost: list[int] = []
        self._now_ns = 0

    def update(self, faces: Sequence[Face], *, mono_ns: int) -> tuple[Followed, ...]:
        """Return the track of each face, in their order; a face nobody expected begins one."""
        if mono_ns < self._now_ns:
            self.reset()  # another file, another clock
        self._now_ns = mono_ns
        self._drop_unseen()
        taken: dict[int, _Track] = {}
        for _, track_index, face_index in sorted(self._candidates(faces)):
            track = self._tracks[track_index]
            if face_index not in taken and track not in taken.values():
                taken[face_index] = track
        followed = []
        for index, face in enumerate(faces):
            if index in taken:
                track = taken[index]
                self._move(track, face)
            else:
                track = self._begin(face)
            followed.append(Followed(track.track_id, track.age))
        return tuple(followed)

    def confirm(self, track_id: int, embedding: Embedding, *, weight: float) -> Followed:
        """Tell what the face of a track looks like; return its track, a new one after a jump.

        weight: quality of the look, in [0, 1]. Only usable looks may be told: a blurred one jumps.
        """
        track = next(one for one in self._tracks if one.track_id == track_id)
        vote = np.asarray(embedding.vec, np.float32) * np.float32(max(weight, 1e-3))
        if track.vote_sum is None:
            track.vote_sum = vote
        elif self._cosine(track.vote_sum, embedding) >= self._same_person_cosine:
            track.vote_sum = track.vote_sum + vote
        else:
            self._tracks.remove(track)
            self._lost.append(track_id)
            track = self._begin(track.face)
            track.vote_sum = vote
        return Followed(track.track_id, track.age)

    def take_lost(self) -> tuple[int, ...]:
        """Return the tracks that ended since this was asked last, oldest first."""
        lost, self._lost = tuple(self._lost), []
        return lost

    def reset(self) -> None:
        """End every track."""
        self._lost.extend(track.track_id for track in self._tracks)
        self._tracks.clear()

    def _begin(self, face: Face) -> _Track:
        track = _Track(next(self._ids), face, self._now_ns)
        self._tracks.append(track)
        return track

    def _drop_unseen(self) -> None:
        kept = [
            track for track in self._tracks if self._now_ns - track.seen_ns <= self._lost_after_ns
        ]
        self._lost.extend(track.track_id for track in self._tracks if track not in kept)
        self._tracks = kept

    def _move(self, track: _Track, face: Face) -> None:
        elapsed_s = max((self._now_ns - track.seen_ns) / 1e9, 1e-3)
        (x0, y0), (x1, y1) = track.face.centre_xy, face.centre_xy
        old = track.velocity_xy
        new = ((x1 - x0) / elapsed_s, (y1 - y0) / elapsed_s)
        share = VELOCITY_SHARE if track.age > 1 else 1.0
        track.velocity_xy = (
            old[0] + share * (new[0] - old[0]),
            old[1] + share * (new[1] - old[1]),
        )
        track.face, track.seen_ns = face, self._now_ns
        track.age += 1

    def _candidates(self, faces: Sequence[Face]) -> list[tuple[float, int, int]]:
        """Return (cost, track index, face index) of every pair that may belong together."""
        found = []
        for track_index, track in enumerate(self._tracks):
            for face_index, face in enumerate(faces):
                cost = self._cost(track, face)
                if cost is not None:
                    found.append((cost, track_index, face_index))
        return found

    def _cost(self, track: _Track, face: Face) -> float | None:
        """Return how badly a face fits a track; None if it cannot be the same."""
        elapsed_s = (self._now_ns - track.seen_ns) / 1e9
        ahead_s = min(elapsed_s, PREDICT_FOR_S)
        dx, dy = (speed * ahead_s for speed in track.velocity_xy)
        sizes_px = (track.face.size_px, face.size_px)
        if min(sizes_px) <= 0 or max(sizes_px) > MAX_SIZE_RATIO * min(sizes_px):
            return None
        (x0, y0), (x1, y1) = track.face.centre_xy, face.centre_xy
        # A face that stops at once is as likely as one that walks on.
        moved = math.hypot(x1 - x0 - dx, y1 - y0 - dy)
        stayed = math.hypot(x1 - x0, y1 - y0)
        distance_sizes = min(moved, stayed) / max(sizes_px)
        if distance_sizes > min(NEAR_SIZES + NEAR_SIZES_PER_S * elapsed_s, NEAREST_LIMIT_SIZES):
            return None
        shift_xy = (dx, dy) if moved < stayed else (0.0, 0.0)
        overlap = _iou(track.face.box_xyxy, face.box_xyxy, shift_xy=shift_xy)
        ratio = math.log(max(sizes_px) / min(sizes_px))
        return distance_sizes + OVERLAP_WEIGHT * (1 - overlap) + SIZE_WEIGHT * ratio

    @staticmethod
    def _cosine(vote_sum: FloatArray, embedding: Embedding) -> float:
        length = float(np.linalg.norm(vote_sum))
        return float(vote_sum @ embedding.vec) / length if length > 0 else 1.0


def _iou(box_xyxy: FloatArray, other_xyxy: FloatArray, *, shift_xy: tuple[float, float]) -> float:
    """Return the intersection over union of two boxes after the first was shifted."""
    ax0, ay0, ax1, ay1 = (float(v) for v in box_xyxy)
    bx0, by0, bx1, by1 = (float(v) for v in other_xyxy)
    dx, dy = shift_xy
    ax0, ax1, ay0, ay1 = ax0 + dx, ax1 + dx, ay0 + dy, ay1 + dy
    width = max(0.0, min(ax1, bx1) - max(ax0, bx0))
    height = max(0.0, min(ay1, by1) - max(ay0, by0))
    both = width * height
    union = (ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0) - both
    return both / union if union > 0 else 0.0
