"""Small makers of domain values for the tests."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np

from attendance.types import (
    Crop,
    Direction,
    Embedding,
    Face,
    Frame,
    FrameResult,
    Match,
    Method,
    Punch,
    Quality,
    QualityFlag,
    TrackedFace,
)

START_UTC = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
MODEL_ID = "test-model"


def make_face(*, size_px: float = 120.0, x: float = 100.0, y: float = 100.0) -> Face:
    return Face(
        box_xyxy=np.array([x, y, x + size_px, y + size_px], dtype=np.float32),
        landmarks=np.zeros((5, 2), dtype=np.float32),
        mesh=np.zeros((468, 3), dtype=np.float32),
        score=0.9,
    )


def make_quality(*flags: QualityFlag, score: float = 0.8, **angles: float) -> Quality:
    return Quality(score=score, flags=frozenset(flags), **angles)


def make_match(person_id: str | None, *, similarity: float = 0.7, runner_up: float = 0.1) -> Match:
    return Match(person_id, similarity, runner_up, threshold=0.5, nearest_id=person_id)


def make_frame(seq: int, *, at_s: float) -> Frame:
    return Frame(
        seq=seq,
        mono_ns=int(at_s * 1e9),
        at_utc=START_UTC + timedelta(seconds=at_s),
        bgr=np.zeros((4, 4, 3), dtype=np.uint8),
    )


def make_result(
    at_s: float, *faces: TrackedFace, lost: tuple[int, ...] = (), stage_ms: Mapping[str, float] = {}
) -> FrameResult:
    return FrameResult(make_frame(0, at_s=at_s), faces, stage_ms=stage_ms, lost_tracks=lost)


def make_tracked(
    track_id: int,
    match: Match | None,
    *,
    quality: Quality | None = None,
    size_px: float = 120.0,
) -> TrackedFace:
    return TrackedFace(track_id, make_face(size_px=size_px), quality or make_quality(), match)


def unit_vector(*values: float) -> Embedding:
    vec = np.zeros(128, dtype=np.float32)
    vec[: len(values)] = values
    return Embedding(vec / np.linalg.norm(vec), MODEL_ID)


def make_crop() -> Crop:
    return Crop(np.zeros((112, 96, 3), dtype=np.uint8))


def make_punch(
    person_id: str = "7",
    *,
    at_utc: datetime = START_UTC,
    direction: Direction = Direction.IN,
    sequence: int = 1,
) -> Punch:
    return Punch(
        id=f"00000000-0000-7000-8000-{sequence:012d}",
        person_id=person_id,
        at_utc=at_utc,
        zone="Europe/Berlin",
        offset_s=3600,
        mono_ns=0,
        direction=direction,
        method=Method.FACE,
        similarity=0.7,
        model_id=MODEL_ID,
        device_id="device",
        sequence=sequence,
    )
