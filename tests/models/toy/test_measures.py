"""Angles and nearest neighbours, against figures worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attendance.types import FloatArray
from models.toy.measures import mean_directions, nearest_neighbour_accuracy, spread


def at(*angles_deg: float, lengths: tuple[float, ...] | None = None) -> FloatArray:
    turn = np.radians(angles_deg)
    rows = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    scaled = rows * np.array(lengths)[:, None] if lengths else rows
    return np.asarray(scaled, dtype=np.float32)


def test_angles_are_those_to_the_mean_and_to_the_nearest_other_mean() -> None:
    labels = np.array([4, 4, 7, 7, 9, 9])
    found = spread(at(-10, 10, 80, 100, 150, 170), labels)
    assert found.intra_deg == pytest.approx(10, abs=0.01)
    assert found.inter_deg == pytest.approx((90 + 70 + 70) / 3, abs=0.01)


@given(lengths=st.tuples(*[st.floats(0.1, 100)] * 4))
def test_the_length_of_an_embedding_does_not_count(lengths: tuple[float, ...]) -> None:
    labels = np.array([0, 0, 1, 1])
    scaled = at(0, 20, 30, 50, lengths=lengths)
    assert mean_directions(scaled, labels) == pytest.approx(at(10, 40), abs=1e-5)
    assert nearest_neighbour_accuracy(scaled, labels) == 0.5


def test_an_embedding_is_not_its_own_neighbour() -> None:
    assert nearest_neighbour_accuracy(at(0, 1, 2, 3), np.array([0, 1, 0, 1])) == 0.0


def test_neighbours_are_sought_beyond_one_block_of_rows() -> None:
    labels = np.repeat([0, 1], 700)
    angles = np.concatenate([np.linspace(0, 40, 700), np.linspace(90, 130, 700)])
    assert nearest_neighbour_accuracy(at(*angles.tolist()), labels) == 1.0
    labels[-1] = 0
    assert 1398 / 1400 <= nearest_neighbour_accuracy(at(*angles.tolist()), labels) < 1


def test_an_embedding_of_zeros_gives_no_warning_and_no_nan() -> None:
    rows = at(0, 20, 30, 50)
    rows[0] = 0
    assert np.isfinite(spread(rows, np.array([0, 0, 1, 1])).intra_deg)
