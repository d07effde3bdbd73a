"""Thresholds and their intervals: the definition again, people as the unit, what is too few."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attendance.types import FloatArray
from models.lfw import roc
from models.thresholds import FARS, ThresholdReport, as_row, as_text, measure_thresholds

PEOPLE, EACH = 90, 4


def faces(
    seed: int = 0, *, people: int = PEOPLE, each: int = EACH
) -> tuple[FloatArray, "np.ndarray[tuple[int], np.dtype[np.int64]]"]:
    """Unit vectors in 16 dimensions: pictures of one person near to one another."""
    random = np.random.default_rng(seed)
    numbers = np.repeat(np.arange(people), each)
    centres = random.standard_normal((people, 16))
    vectors = centres[numbers] + 0.5 * random.standard_normal((len(numbers), 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), numbers


@pytest.fixture(scope="module")
def report() -> ThresholdReport:
    return measure_thresholds(*faces(), resamples=200)


def test_a_threshold_lets_through_exactly_its_share_of_all_impostor_pairs() -> None:
    vectors, people = faces()
    found = measure_thresholds(vectors, people, resamples=2)
    first, second = np.triu_indices(len(people), 1)
    cosines = (vectors @ vectors.T)[first, second][people[first] != people[second]]
    assert found.impostor_pairs == len(cosines)
    for one in found.at[:2]:
        assert np.count_nonzero(cosines > one.cosine + 1e-6) <= int(float(one.far) * len(cosines))
        assert np.count_nonzero(cosines >= one.cosine - 1e-6) > int(float(one.far) * len(cosines))


def test_thresholds_are_those_of_the_curve_that_gives_the_true_accept_rates() -> None:
    vectors, people = faces(3)
    lost = [0, 0, 7]
    found = measure_thresholds(vectors, people, undetected=lost, resamples=2)
    curve = roc(vectors, people, undetected=lost)
    assert found.impostor_pairs == curve.impostor_pairs
    for one in found.at:
        if one.far in curve.thresholds:
            assert one.cosine == pytest.approx(curve.thresholds[one.far], abs=1e-6)


def test_a_rate_with_fewer_than_thirty_errors_is_called_too_few(report: ThresholdReport) -> None:
    assert [one.basis for one in report.at] == [
        "measured",
        "too few errors",
        "extrapolated",
        "extrapolated",
    ]
    assert report.at[0].expected_errors == pytest.approx(1e-3 * report.impostor_pairs)
    text = as_text(report)
    assert "too few: 6.4 false accepts, not 30" in text
    assert text.count("extrapolated") == 2


def test_an_extrapolated_threshold_goes_on_as_the_last_two_did(report: ThresholdReport) -> None:
    cosines = [one.cosine for one in report.at]
    assert cosines[2] - cosines[1] == pytest.approx(cosines[1] - cosines[0])
    assert report.at[2].cosine_95 is None
    assert report.at[2].far_95 is None


def test_intervals_hold_the_value_they_are_of(report: ThresholdReport) -> None:
    for one in report.at[:2]:
        assert one.cosine_95 is not None
        assert one.far_95 is not None
        assert one.cosine_95.low <= one.cosine <= one.cosine_95.high
        assert one.far_95.low <= float(one.far) <= one.far_95.high


def test_pictures_that_are_copies_do_not_make_the_interval_narrower() -> None:
    vectors, people = faces(1, each=2)
    once = measure_thresholds(vectors, people, fars=("1e-2", "1e-3"), resamples=200)
    copies = measure_thresholds(
        np.repeat(vectors, 5, axis=0),
        np.repeat(people, 5),
        fars=("1e-2", "1e-3"),
        resamples=200,
    )
    assert copies.impostor_pairs == 25 * once.impostor_pairs
    for few, many in zip(once.at, copies.at, strict=True):
        assert few.cosine_95 is not None
        assert many.cosine_95 is not None
        width = few.cosine_95.high - few.cosine_95.low
        assert many.cosine_95.high - many.cosine_95.low > 0.7 * width


def test_the_interval_is_wider_than_one_that_takes_pairs_for_independent() -> None:
    random = np.random.default_rng(2)
    vectors, people = faces(2, people=60, each=6)
    # A few people everybody resembles: errors come from them, not from pairs at random.
    vectors[people < 3] = vectors[people < 3] * 0.2 + random.standard_normal(16) * 0.01 + 0.3
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    report = measure_thresholds(vectors, people, fars=("1e-2", "1e-3"), resamples=300)
    interval = report.at[0].far_95
    assert interval is not None
    binomial = 2 * 1.96 * np.sqrt(0.01 * 0.99 / report.impostor_pairs)
    assert interval.high - interval.low > 2 * binomial


def test_the_same_pictures_give_the_same_intervals() -> None:
    one = measure_thresholds(*faces(4), resamples=20)
    assert one == measure_thresholds(*faces(4), resamples=20)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), people=st.integers(70, 100), each=st.integers(2, 4))
def test_thresholds_never_fall_as_the_rate_falls(seed: int, people: int, each: int) -> None:
    vectors, numbers = faces(seed, people=people, each=each)
    fars = ("1e-2", "1e-3", *FARS[1:])
    cosines = [
        one.cosine for one in measure_thresholds(vectors, numbers, fars=fars, resamples=2).at
    ]
    assert cosines == sorted(cosines)
    assert cosines[-1] <= 1


def test_too_few_pairs_for_two_rates_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot tell two false accept rates apart"):
        measure_thresholds(*faces(people=5, each=2))


def test_the_manifests_row_says_what_a_threshold_rests_on(report: ThresholdReport) -> None:
    row = as_row(report)
    assert row["people"] == PEOPLE
    assert row["pictures"] == PEOPLE * EACH
    at = row["at"]
    assert isinstance(at, list)
    assert set(at[0]) == {
        "far",
        "threshold",
        "expected_errors",
        "basis",
        "threshold_95",
        "far_95",
    }
    assert set(at[3]) == {"far", "threshold", "expected_errors", "basis"}
