"""Held-out pairs: who is compared, what is counted, and the figures against a slow second way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attendance.errors import InputError
from models.held_out import (
    MOST_CROPS_A_PERSON,
    HeldOutCrops,
    calibration_crops,
    held_out_crops,
    loss_error,
    measure_pairs,
)
from models.training.data import CropStore


def store(labels: list[int], held_out: list[bool]) -> CropStore:
    crops = np.zeros((len(labels), 112, 112, 3), np.uint8)
    crops[..., 0] = np.arange(len(labels))[:, None, None]
    crops[:, :, 8:104, 1] = 200
    return CropStore(crops, np.array(labels, np.int64), np.array(held_out))


def test_only_labelled_crops_of_held_out_people_are_compared() -> None:
    found = held_out_crops(
        store([1, 1, 2, 2, -1, 3, 3], [True, True, True, True, True, False, False]),
        least_genuine=2,
        least_impostor=4,
    )
    assert found.people.tolist() == [1, 1, 2, 2]
    assert found.crops_bgr.shape == (4, 112, 96, 3)
    assert (found.crops_bgr[..., 1] == 200).all(), "the middle columns"
    assert (found.person_count, found.pair_counts) == (2, (2, 4))


def test_one_person_with_many_crops_does_not_decide_alone() -> None:
    many = [5] * 40 + [6, 6]
    found = held_out_crops(store(many, [True] * 42), least_genuine=1, least_impostor=1)
    assert found.people.tolist() == [5] * MOST_CROPS_A_PERSON + [6, 6]
    kept = found.crops_bgr[:MOST_CROPS_A_PERSON, 0, 0, 0].tolist()
    assert kept[0] == 0
    assert kept[-1] == 39
    assert len(set(kept)) == MOST_CROPS_A_PERSON


def test_too_few_pairs_are_an_error_that_counts_them() -> None:
    with pytest.raises(InputError, match="Only 1 genuine and 2 impostor pairs"):
        held_out_crops(store([1, 1, 2], [True] * 3))
    with pytest.raises(InputError, match="Only 0 genuine and 0 impostor pairs"):
        held_out_crops(store([-1, -1], [True] * 2))


def test_calibration_never_sees_who_is_held_out() -> None:
    labels = list(range(20))
    held_out = [label % 2 == 0 for label in labels]
    crops = calibration_crops(store(labels, held_out), 6)
    assert len(crops) == 6
    assert all(value % 2 == 1 for value in crops[:, 0, 0, 0].tolist())
    with pytest.raises(InputError, match="Every crop is held out"):
        calibration_crops(store([1], [True]), 6)


def test_mirror_images_follow_the_crops() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (3, 112, 96, 3), np.uint8)
    both = HeldOutCrops(crops, np.arange(3)).with_mirror_images()
    assert both.shape == (6, 112, 96, 3)
    np.testing.assert_array_equal(both[3:], crops[:, :, ::-1])


@given(seed=st.integers(0, 100), people=st.integers(2, 6), copies=st.sampled_from([1, 2]))
def test_the_figures_are_those_of_comparing_pair_by_pair(
    seed: int, people: int, copies: int
) -> None:
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(people), 3)
    vectors = random.standard_normal((copies * len(labels), 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    genuine: list[float] = []
    impostor: list[float] = []
    for i in range(len(labels)):
        for j in range(i + 1, len(labels)):
            for a in range(copies):
                for b in range(copies):
                    cosine = float(vectors[a * len(labels) + i] @ vectors[b * len(labels) + j])
                    (genuine if labels[i] == labels[j] else impostor).append(cosine)
    best = max(
        (np.mean(np.array(genuine) >= t - 1e-6) + np.mean(np.array(impostor) < t - 1e-6)) / 2
        for t in [*genuine, 2.0]
    )
    assert measure_pairs(vectors, labels).accuracy == pytest.approx(best, abs=0.02)


def test_people_that_are_all_alike_or_all_apart_give_the_ends_of_the_scale() -> None:
    labels = np.array([0, 0, 1, 1])
    apart = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32)
    assert measure_pairs(apart, labels).accuracy == 1
    alike = np.ones((4, 1), np.float32)
    assert measure_pairs(alike, labels).accuracy == 0.5


def test_a_rate_the_pairs_cannot_resolve_is_left_out() -> None:
    random = np.random.default_rng(1)
    vectors = random.standard_normal((60, 8)).astype(np.float32)
    assert set(measure_pairs(vectors, np.arange(60) // 2).tar) == {"1e-3"}
    assert measure_pairs(vectors[:8], np.arange(8) // 2).tar == {}
    with pytest.raises(ValueError, match="no genuine pairs"):
        measure_pairs(vectors[:3], np.arange(3))


def test_the_accuracy_of_everybody_once_is_the_accuracy() -> None:
    random = np.random.default_rng(4)
    labels = np.repeat(np.arange(9), 3)
    vectors = random.standard_normal((54, 6)).astype(np.float32)
    found = measure_pairs(vectors, labels)
    assert found.pairs.sum() == 4 * 27 * 26 // 2
    assert found.pairs.trace() == 4 * 9 * 3
    assert not np.tril(found.pairs, -1).any()
    assert found.accuracy_of(np.ones(9, np.int64)) == pytest.approx(found.accuracy)


def test_a_person_drawn_twice_counts_as_two_people() -> None:
    random = np.random.default_rng(5)
    labels = np.repeat(np.arange(5), 2)
    vectors = random.standard_normal((10, 4)).astype(np.float32)
    found = measure_pairs(vectors, labels)
    times = np.array([2, 1, 0, 1, 1])
    genuine = sum(times[i] * found.right[i, i] for i in range(5)) / (2 + 1 + 1 + 1)
    above = [(i, j) for i in range(5) for j in range(i + 1, 5)]
    right = sum(times[i] * times[j] * found.right[i, j] for i, j in above)
    pairs = sum(times[i] * times[j] * found.pairs[i, j] for i, j in above)
    assert found.accuracy_of(times) == pytest.approx((genuine + right / pairs) / 2)


def test_what_is_the_same_loses_nothing_for_certain_and_noise_has_an_error() -> None:
    random = np.random.default_rng(6)
    labels = np.repeat(np.arange(40), 3)
    centres = random.standard_normal((40, 8))
    vectors = centres[labels] + random.standard_normal((120, 8))
    noisy = vectors + 0.3 * random.standard_normal(vectors.shape)
    exact, rounded = (
        measure_pairs((v / np.linalg.norm(v, axis=1, keepdims=True)).astype(np.float32), labels)
        for v in (vectors, noisy)
    )
    assert loss_error(exact, exact) == 0
    assert 0.001 < loss_error(exact, rounded) < 0.1
