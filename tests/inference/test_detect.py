"""Detection: anchors, letter-box, merging, and the real network on the shipped portraits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attendance.types import BgrImage, FloatArray
from inference.detect import Detector, anchor_centres, iou_with, letterbox, merge_overlapping
from inference.manifest import read_manifest
from inference.photo import load_photo
from inference.portraits import portraits
from inference.session import open_session


@pytest.fixture(scope="module", params=["short", "full"])
def detector(request: pytest.FixtureRequest) -> Detector:
    return _detector(request.param)


@pytest.fixture(scope="module")
def short_range() -> Detector:
    return _detector("short")


def _detector(which: str) -> Detector:
    entry = read_manifest().entry("detect", file=f"blazeface-{which}.onnx")
    session = open_session(entry, providers=("cpu",), threads=1)
    return Detector(session, threshold=0.5, max_faces=4)


def _portrait(person_id: str) -> BgrImage:
    return load_photo(next(p.path for p in portraits() if p.person_id == person_id))


def test_anchors_are_the_centres_of_the_cells_row_by_row() -> None:
    centres = anchor_centres("2x4x2,1x1x3")
    assert centres.shape == (2 * 4 * 2 + 3, 2)
    assert centres[0].tolist() == centres[1].tolist() == [0.125, 0.25]
    assert centres[2].tolist() == [0.375, 0.25]
    assert centres[8].tolist() == [0.125, 0.75]
    assert centres[-1].tolist() == [0.5, 0.5]


@pytest.mark.parametrize(("spec", "count"), [("16x16x2,8x8x6", 896), ("48x48x1", 2304)])
def test_the_shipped_specs_give_as_many_anchors_as_outputs(spec: str, count: int) -> None:
    assert len(anchor_centres(spec)) == count


@pytest.mark.parametrize("spec", ["", "16x16", "0x8x2", "axbxc"])
def test_an_unreadable_spec_is_an_error(spec: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        anchor_centres(spec)


_box = st.tuples(
    st.floats(0, 80, width=32), st.floats(0, 80, width=32),
    st.floats(1, 60, width=32), st.floats(1, 60, width=32),
).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))  # fmt: skip


@given(one=_box, other=_box)
def test_overlap_is_symmetric_and_one_only_for_the_same_box(
    one: tuple[float, ...], other: tuple[float, ...]
) -> None:
    a, b = np.array(one, np.float32), np.array(other, np.float32)
    there, back = float(iou_with(a, b[None])[0]), float(iou_with(b, a[None])[0])
    assert there == pytest.approx(back, abs=1e-5)
    assert 0 <= there <= 1 + 1e-5
    assert float(iou_with(a, a[None])[0]) == pytest.approx(1, abs=1e-5)


def test_overlap_of_two_half_covered_squares_is_a_third() -> None:
    a = np.array([0, 0, 2, 2], np.float32)
    assert float(iou_with(a, np.array([[1, 0, 3, 2]], np.float32))[0]) == pytest.approx(1 / 3)


def test_a_cluster_becomes_its_weighted_mean_and_keeps_its_highest_score() -> None:
    points = np.array([[0, 0, 10, 10, 5, 5], [2, 0, 12, 10, 7, 5], [50, 50, 60, 60, 55, 55]])
    merged, scores = merge_overlapping(
        points.astype(np.float32), np.array([0.6, 0.9, 0.7], np.float32)
    )
    assert scores.tolist() == pytest.approx([0.9, 0.7])
    assert merged[0].tolist() == pytest.approx([1.2, 0, 11.2, 10, 6.2, 5])
    assert merged[1].tolist() == [50, 50, 60, 60, 55, 55]


def test_nothing_merges_to_nothing() -> None:
    merged, scores = merge_overlapping(np.zeros((0, 16), np.float32), np.zeros(0, np.float32))
    assert merged.shape == (0, 16)
    assert scores.shape == (0,)


@given(
    boxes=st.lists(_box, min_size=1, max_size=12),
    scores=st.lists(st.floats(0.5, 1, width=32), min_size=12, max_size=12),
)
def test_merging_never_invents_faces_and_stays_within_the_boxes(
    boxes: list[tuple[float, ...]], scores: list[float]
) -> None:
    points = np.array(boxes, np.float32)
    merged, kept = merge_overlapping(points, np.array(scores[: len(boxes)], np.float32))
    assert 1 <= len(merged) <= len(boxes)
    assert kept.tolist() == sorted(kept.tolist(), reverse=True)
    assert (merged >= points.min(axis=0) - 1e-3).all()
    assert (merged <= points.max(axis=0) + 1e-3).all()


@settings(deadline=None, max_examples=40)
@given(height=st.integers(1, 900), width=st.integers(1, 900))
def test_the_letterbox_keeps_the_whole_frame_and_its_places(height: int, width: int) -> None:
    frame = np.full((height, width, 3), 255, np.uint8)
    picture, scale_xy, offset_xy = letterbox(frame, size_hw=(128, 128))
    assert picture.shape == (128, 128, 3)
    far = np.array([width, height]) * scale_xy + offset_xy
    assert (offset_xy >= 0).all()
    assert (far <= 128 + 1e-3).all()
    lit = np.argwhere(picture[..., 0] > 0)
    assert lit.min(axis=0).tolist() == offset_xy[::-1].tolist()
    assert (lit.max(axis=0) + 1).tolist() == pytest.approx(far[::-1].tolist(), abs=1e-3)


def _eyes_between(keypoints: FloatArray, box_xyxy: FloatArray) -> bool:
    low, high = box_xyxy[:2], box_xyxy[2:]
    return bool(((keypoints[:2] > low) & (keypoints[:2] < high)).all())


def test_every_shipped_portrait_has_exactly_one_face(detector: Detector) -> None:
    for portrait in portraits():
        found = detector.detect(load_photo(portrait.path))
        assert len(found) == 1, portrait.path.name
        assert found[0].score > 0.5
        assert _eyes_between(found[0].keypoints, found[0].box_xyxy)
        assert found[0].keypoints[0, 0] < found[0].keypoints[1, 0]


def test_a_frame_without_a_face_has_none_however_hard_one_looks(detector: Detector) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    for frame in (noise, np.zeros((480, 640, 3), np.uint8), np.zeros((1, 1, 3), np.uint8)):
        assert detector.detect(frame) == ()
        assert list(detector.attempts(frame)) == []


def test_the_largest_face_comes_first_and_no_more_than_asked_for(short_range: Detector) -> None:
    near, far = _portrait("hopper"), _portrait("collins")
    frame = np.zeros((600, 620, 3), np.uint8)
    frame[:300, :300] = far[:300, 80:380]
    frame[:, 300:] = near[:, 96:416]
    found = short_range.detect(frame)
    assert len(found) == 2
    assert found[0].box_xyxy[0] > 300
    one = Detector(short_range.session, threshold=0.5, max_faces=1)
    assert [d.score for d in one.detect(frame)] == [found[0].score]


@pytest.mark.parametrize("size_hw", [(300, 300), (1200, 500), (400, 1400)])
def test_a_face_is_found_at_the_same_place_in_any_frame_shape(
    short_range: Detector, size_hw: tuple[int, int]
) -> None:
    portrait = _portrait("hopper")[:300, :512][:, 100:400]
    (alone,) = short_range.detect(np.ascontiguousarray(portrait))
    frame = np.zeros((*size_hw, 3), np.uint8)
    frame[: portrait.shape[0], : portrait.shape[1]] = portrait
    (found,) = short_range.detect(frame)
    tolerance = 0.16 * alone.size_px
    np.testing.assert_allclose(found.keypoints, alone.keypoints, atol=tolerance)


def test_a_close_up_that_fills_the_photo_is_found_by_looking_hard(short_range: Detector) -> None:
    portrait = _portrait("obama")
    (found,) = short_range.detect(portrait)
    x0, y0, x1, y1 = (int(v) for v in found.box_xyxy)
    side = x1 - x0
    tight = np.ascontiguousarray(
        portrait[y0 + side // 5 : y1 - side // 12, x0 + side // 9 : x1 - side // 9]
    )
    close_up = next(short_range.attempts(tight))
    assert len(close_up) == 1
    shift = np.array([x0 + side // 9, y0 + side // 5])
    np.testing.assert_allclose(
        close_up[0].keypoints + shift, found.keypoints, atol=0.15 * found.size_px
    )


def test_a_small_face_in_a_large_photo_is_found_by_looking_hard(short_range: Detector) -> None:
    portrait = _portrait("collins")
    frame = np.full((1400, 1900, 3), 128, np.uint8)
    frame[700 : 700 + 512, 900 : 900 + 512] = portrait
    assert short_range.detect(frame) == ()
    (alone,) = short_range.detect(portrait)
    places = [
        detection.keypoints - np.array([900, 700])
        for detections in short_range.attempts(frame)
        for detection in detections
    ]
    assert any(np.abs(p - alone.keypoints).max() < 0.2 * alone.size_px for p in places)
