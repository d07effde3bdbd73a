"""The LFW protocol: pairs, folds and the ROC."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attendance.errors import InputError
from models.lfw import (
    Pair,
    best_threshold,
    count_pairs,
    fold_accuracies,
    fold_decisions,
    number_faces,
    pair_blocks,
    pair_similarities,
    read_pairs,
    roc,
)

GOOD = "2 1\nAda\t1\t2\nAda\t1\tBob\t3\nCy 1 2\nCy 1 Bob 1\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "pairs.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_pairs_know_their_pictures_and_folds(tmp_path: Path) -> None:
    pairs = read_pairs(written(tmp_path, GOOD))
    assert pairs[0] == Pair(("Ada", 1), ("Ada", 2), same=True, fold=0)
    assert pairs[3] == Pair(("Cy", 1), ("Bob", 1), same=False, fold=1)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("folds\n", "line 1: expected the number of folds"),
        ("1 1\nAda 1 2\n", "announces 1 × 2 pairs and holds 1"),
        ("1 1\nAda 1 2\nAda 1\n", "line 3: 2 words, expected 3 or 4"),
        ("1 1\nAda 1 2\nAda x Bob 1\n", "line 3: a picture's number is not a number"),
    ],
)
def test_a_malformed_pairs_file_is_refused_with_its_line(
    tmp_path: Path, text: str, sentence: str
) -> None:
    with pytest.raises(InputError, match=re.escape(sentence)):
        read_pairs(written(tmp_path, text))


def test_a_missing_pairs_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no pairs file"):
        read_pairs(tmp_path / "none.txt")


def test_the_threshold_of_a_fold_comes_from_the_other_folds() -> None:
    similarities = np.array([0.9, 0.1, 0.6, 0.5])
    same = np.array([True, False, True, False])
    folds = np.array([0, 0, 1, 1])
    # Fold 1 could separate itself, but its threshold is fold 0's: midway between 0.1 and 0.9.
    assert fold_accuracies(similarities, same, folds) == [1.0, 0.5]
    assert fold_decisions(similarities, same, folds).tolist() == [True, False, True, True]


def test_with_one_fold_its_own_threshold_decides() -> None:
    similarities = np.array([0.6, 0.5, 0.4])
    same = np.array([True, False, False])
    decisions = fold_decisions(similarities, same, np.zeros(3, np.int64))
    assert decisions.tolist() == same.tolist()


def test_people_are_numbered_in_the_order_of_their_names_also_those_without_a_face() -> None:
    faces = number_faces([("Cy", 1), ("Ada", 1), ("Cy", 2)], lost=[("Bob", 1), ("Ada", 2)])
    assert faces.people.tolist() == [2, 0, 2]
    assert faces.lost_people.tolist() == [1, 0]
    assert faces.everyone.tolist() == [2, 0, 2, 1, 0]


@pytest.mark.parametrize("pictures", [0, 1, 7, 256, 300, 513])
def test_the_blocks_hold_every_pair_once_and_in_the_right_kind(pictures: int) -> None:
    rng = np.random.default_rng(pictures)
    people = rng.integers(0, 40, pictures)
    # One number a picture, so that a product of two tells which pictures a pair is made of.
    values_n1 = rng.uniform(1, 2, (pictures, 1)).astype(np.float32)
    genuine: list[float] = []
    impostor: list[float] = []
    for block in pair_blocks(people, values_n1, -values_n1):
        first, second = block.similarities
        assert (first == second).all()
        genuine += first[block.genuine].tolist()
        impostor += first[block.impostor].tolist()
    a, b = np.triu_indices(pictures, 1)
    products, same = (values_n1[a] * values_n1[b])[:, 0], people[a] == people[b]
    assert sorted(genuine) == pytest.approx(np.sort(products[same]).tolist())
    assert sorted(impostor) == pytest.approx(np.sort(products[~same]).tolist())
    assert count_pairs(people) == (same.sum(), (~same).sum())


def test_the_best_threshold_lies_midway_between_the_neighbours_it_separates() -> None:
    similarities = np.array([0.1, 0.2, 0.4, 0.9])
    same = np.array([False, False, True, True])
    assert best_threshold(similarities, same) == pytest.approx(0.3)


def test_a_pair_with_an_undetected_face_counts_as_different() -> None:
    vector = np.array([1, 0], np.float32)
    pairs = [Pair(("Ada", 1), ("Ada", 2), same=True, fold=0)]
    assert pair_similarities(pairs, {("Ada", 1): vector})[0] == -1


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), lost=st.integers(0, 3))
def test_the_roc_agrees_with_counting_every_pair(seed: int, lost: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(80, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    people = rng.integers(0, 12, 80)
    gone = [int(p) for p in rng.integers(0, 12, lost)]
    found = roc(vectors, people, undetected=gone)
    everyone = np.concatenate([people, np.array(gone, np.int64)])
    cosines = np.full((len(everyone), len(everyone)), -1.0)
    cosines[:80, :80] = vectors @ vectors.T
    first, second = np.triu_indices(len(everyone), 1)
    same = everyone[first] == everyone[second]
    values = cosines[first, second]
    assert (found.genuine_pairs, found.impostor_pairs) == (same.sum(), (~same).sum())
    for rate, threshold in found.thresholds.items():
        assert (values[~same] > threshold + 1e-6).sum() <= float(rate) * (~same).sum()
        expected = (values[same] > threshold).mean()
        assert found.tar[rate] == pytest.approx(expected, abs=2 / same.sum())


def test_a_rate_finer_than_the_pairs_can_tell_is_left_out() -> None:
    vectors = np.eye(50, dtype=np.float32)
    found = roc(vectors, np.repeat(np.arange(25), 2), undetected=[])
    assert "1e-6" not in found.tar
    assert "1e-3" in found.tar
