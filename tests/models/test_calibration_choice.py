"""Which way of quantising is taken: accuracy first, as far as the held-out people can tell."""

import numpy as np
import pytest

from models.calibration_choice import Bench, Candidate, best, table
from models.graph import Graph
from models.held_out import HeldOutCrops, PairFigures
from models.parity import Parity

PEOPLE = 50


def figures(wrong_people: int) -> PairFigures:
    """Two genuine pairs a person; of the first so many people both are told wrong."""
    pairs = np.triu(np.full((PEOPLE, PEOPLE), 4, np.int64))
    np.fill_diagonal(pairs, 2)
    right = pairs.copy()
    right[np.arange(wrong_people), np.arange(wrong_people)] = 0
    found = PairFigures(0.0, {"1e-3": 0.9}, right, pairs)
    return PairFigures(found.accuracy_of(np.ones(PEOPLE, np.int64)), found.tar, right, pairs)


def bench() -> Bench:
    crops = np.zeros((2, 112, 96, 3), np.uint8)
    held_out = HeldOutCrops(crops, np.array([0, 1]))
    exact = np.ones((4, 1), np.float32)
    return Bench(held_out, held_out.with_mirror_images(), exact, figures(0), 1, mirrored=False)


def candidate(name: str, *, wrong_people: int, cosine: float) -> Candidate:
    return Candidate(name, Graph("g"), {}, figures(wrong_people), Parity(0.1, 0.9, cosine))


def test_of_those_that_lose_nothing_the_nearest_to_float32_is_taken() -> None:
    near = candidate("near", wrong_people=0, cosine=0.999)
    found = [candidate("far", wrong_people=0, cosine=0.99), near]
    assert best(found, bench()) is near


def test_a_loss_within_its_standard_error_counts_as_chance() -> None:
    noisy = candidate("noisy", wrong_people=1, cosine=0.999)
    assert 0.0005 < noisy.loss(bench()) < noisy.loss_error(bench()) + 0.0005
    found = [candidate("far", wrong_people=0, cosine=0.99), noisy]
    assert best(found, bench()) is noisy


def test_a_loss_beyond_its_standard_error_is_refused_however_near() -> None:
    losing = candidate("losing", wrong_people=10, cosine=0.999)
    sound = candidate("sound", wrong_people=0, cosine=0.98)
    assert best([losing, sound], bench()) is sound


def test_if_all_lose_the_most_accurate_is_taken() -> None:
    less = candidate("less", wrong_people=8, cosine=0.98)
    assert best([candidate("more", wrong_people=12, cosine=0.999), less], bench()) is less


def test_without_candidates_there_is_no_choice() -> None:
    with pytest.raises(ValueError, match="empty"):
        best([], bench())


def test_the_table_shows_every_way_its_loss_and_which_was_chosen() -> None:
    found = [
        candidate("one", wrong_people=0, cosine=0.99),
        candidate("two", wrong_people=1, cosine=0.98),
    ]
    lines = table(found, bench(), chosen=found[0]).splitlines()
    assert "| fp32 | 100.00% |" in lines[3]
    assert "one ← chosen" in lines[4]
    assert "0.00 ± 0.00" in lines[4]
    assert "1.00 ± " in lines[5]
    assert "0.9800" in lines[5]
