"""The gallery: who is nearest, who comes second, and the threshold for its size."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attendance.errors import ModelError
from attendance.types import Embedding, FloatArray
from inference.gallery import MatrixGallery, threshold_for

MODEL = "test-model"
THRESHOLDS = {"1e-3": 0.30, "1e-4": 0.38, "1e-5": 0.46, "1e-6": 0.52}


def _unit(rows: int, seed: int = 0) -> FloatArray:
    vectors = np.random.default_rng(seed).normal(size=(rows, 128))
    unit: FloatArray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit.astype(np.float32)


def _gallery(ids: list[str], vectors: FloatArray) -> MatrixGallery:
    return MatrixGallery(MODEL, ids, vectors, thresholds=THRESHOLDS)


def _embedding(vec: FloatArray) -> Embedding:
    return Embedding(vec=vec, model_id=MODEL)


def test_the_person_whose_template_is_shown_is_found() -> None:
    vectors = _unit(3)
    match = _gallery(["a", "b", "c"], vectors).search(_embedding(vectors[1]), threshold=0.5)
    assert match.person_id == "b"
    assert match.similarity == pytest.approx(1)
    assert match.runner_up == pytest.approx(
        max(float(vectors[0] @ vectors[1]), float(vectors[2] @ vectors[1]))
    )


def test_the_runner_up_is_another_person_and_not_another_template() -> None:
    vectors = _unit(4)
    vectors[1] = vectors[0]
    gallery = _gallery(["a", "a", "b", "b"], vectors)
    match = gallery.search(_embedding(vectors[0]), threshold=0.5)
    assert (len(gallery), gallery.template_count) == (2, 4)
    assert match.runner_up < 0.5


def test_below_the_threshold_nobody_is_named_but_the_nearest_is_known() -> None:
    vectors = _unit(2)
    match = _gallery(["a", "b"], vectors).search(_embedding(_unit(1, 9)[0]), threshold=0.9)
    assert match.person_id is None
    assert match.nearest_id in ("a", "b")


def test_an_empty_gallery_knows_nobody() -> None:
    match = _gallery([], np.zeros((0, 128), np.float32)).search(
        _embedding(_unit(1)[0]), threshold=0.3
    )
    assert (match.person_id, match.nearest_id) == (None, None)
    assert (match.similarity, match.runner_up) == (-1, -1)


def test_with_one_person_there_is_no_runner_up() -> None:
    vectors = _unit(2)
    match = _gallery(["a", "a"], vectors).search(_embedding(vectors[1]), threshold=0.3)
    assert (match.person_id, match.runner_up) == ("a", -1)


def test_a_similarity_never_exceeds_one() -> None:
    vector = np.full((1, 128), np.float32(1 / np.sqrt(128)) * np.float32(1.0005))
    match = _gallery(["a"], vector).search(_embedding(vector[0]), threshold=0.3)
    assert match.similarity == 1.0


def test_an_embedding_of_another_model_is_refused() -> None:
    gallery = _gallery(["a"], _unit(1))
    with pytest.raises(ModelError, match="other-model"):
        gallery.search(Embedding(vec=_unit(1)[0], model_id="other-model"), threshold=0.3)


@pytest.mark.parametrize(
    ("ids", "vectors"),
    [
        (["a"], _unit(2)),
        (["a", "b"], _unit(1)),
        (["a"], np.ones((1, 128), np.float32)),
        (["a"], np.full((1, 128), np.nan, np.float32)),
        (["a", "b"], _unit(1).reshape(2, 64)),
    ],
    ids=["too few ids", "too many ids", "not unit", "not a number", "wrong width"],
)
def test_templates_that_cannot_be_right_are_an_error(ids: list[str], vectors: FloatArray) -> None:
    with pytest.raises(ValueError, match=r"template|reshape"):
        _gallery(ids, vectors)


def test_changing_the_rows_afterwards_does_not_change_the_gallery() -> None:
    vectors = _unit(2)
    asked = _embedding(vectors[0].copy())
    gallery = _gallery(["a", "b"], vectors)
    vectors[0] = vectors[1]
    assert gallery.search(asked, threshold=0.5).person_id == "a"


@given(
    ids=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=24),
    seed=st.integers(0, 1000),
)
def test_the_search_agrees_with_comparing_one_by_one_in_any_row_order(
    ids: list[str], seed: int
) -> None:
    vectors, probe = _unit(len(ids), seed), _unit(1, seed + 1)[0]
    best: dict[str, float] = {}
    for staff_id, row in zip(ids, vectors, strict=True):
        best[staff_id] = max(best.get(staff_id, -1.0), float(row.astype(float) @ probe))
    ranked = sorted(best.items(), key=lambda pair: -pair[1])
    order = np.random.default_rng(seed).permutation(len(ids))
    match = _gallery([ids[row] for row in order], vectors[order]).search(
        _embedding(probe), threshold=-1
    )
    assert match.person_id == ranked[0][0]
    assert match.similarity == pytest.approx(ranked[0][1], abs=1e-5)
    assert match.runner_up == pytest.approx(ranked[1][1] if len(ranked) > 1 else -1, abs=1e-5)


def _threshold(people: int, *, rate: float = 1e-3, floor: float = 0.0) -> float:
    return threshold_for(THRESHOLDS, people=people, false_accept_per_look=rate, floor=floor)


def test_one_person_needs_the_threshold_of_the_wanted_rate_itself() -> None:
    assert _threshold(1) == pytest.approx(0.30)
    assert _threshold(1, rate=1e-5) == pytest.approx(0.46)


def test_ten_times_as_many_people_need_a_tenth_of_the_rate() -> None:
    assert _threshold(10) == pytest.approx(0.38, abs=1e-3)
    assert _threshold(100) == pytest.approx(0.46, abs=1e-3)


def test_between_the_measured_rates_the_threshold_is_linear_in_the_logarithm() -> None:
    assert _threshold(1, rate=10**-4.5) == pytest.approx(0.42)


def test_beyond_the_measured_rates_the_last_slope_goes_on() -> None:
    assert _threshold(10_000) == pytest.approx(0.58, abs=1e-3)
    assert _threshold(1, rate=1e-2) == pytest.approx(0.22)


def test_the_floor_holds_and_an_empty_gallery_is_like_one_person() -> None:
    assert _threshold(1, floor=0.45) == 0.45
    assert _threshold(0) == _threshold(1)


@given(people=st.integers(0, 10**7), more=st.integers(0, 10**7), rate=st.floats(1e-6, 0.1))
def test_more_people_never_lower_the_threshold(people: int, more: int, rate: float) -> None:
    fewer = _threshold(people, rate=rate, floor=0.4)
    assert 0.4 <= fewer <= _threshold(people + more, rate=rate, floor=0.4) <= 0.95


@pytest.mark.parametrize("broken", [{}, {"1e-3": 0.3}, {"1e-3": 0.5, "1e-4": 0.4}])
def test_incomplete_thresholds_are_reported(broken: Mapping[str, float]) -> None:
    with pytest.raises(ModelError, match="thresholds are incomplete"):
        threshold_for(broken, people=5, false_accept_per_look=1e-3, floor=0.4)


def test_a_large_gallery_finds_the_same_person_as_a_small_one() -> None:
    vectors = _unit(20_050, seed=3)
    ids = [f"{number:05d}" for number in range(len(vectors))]
    probe = _embedding(vectors[40] * np.float32(0.8) + vectors[20_040] * np.float32(0.6))
    large = _gallery(ids, vectors).search(probe, threshold=0.5)
    small = _gallery([ids[40], ids[20_040]], vectors[[40, 20_040]]).search(probe, threshold=0.5)
    assert large.person_id == small.person_id == ids[40]
    assert large.similarity == pytest.approx(small.similarity, abs=1e-5)
    assert large.runner_up == pytest.approx(small.runner_up, abs=1e-5)
