"""How far two networks agree, against counting one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.agreement import agreements
from models.verification import score_pairs
from tests.models.made_up import entry, faces_of, pass_of, protocol, unit, vectors_of

LAST_BITS = 3e-7
"""A threshold is the similarity of an impostor pair, in float32; that pair is not accepted."""


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), lost=st.integers(0, 3))
def test_decisions_that_differ_agree_with_counting_them(seed: int, lost: int) -> None:
    rng = np.random.default_rng(seed)
    faces = faces_of(rng, people=110, most=3, lost=lost)
    one = vectors_of(rng, faces, noise=1.5)
    other = unit(one + 0.05 * rng.normal(size=one.shape))
    taken = pass_of(faces, (entry("a.onnx"), one), (entry("b.onnx"), other))
    found = score_pairs(taken, protocol(faces, rng, pairs=200))
    (agreement,) = agreements(taken, found)
    cosines = [float(a @ b) for a, b in zip(one, other, strict=True)]
    assert agreement.cosine_mean == pytest.approx(np.mean(cosines), abs=1e-5)
    assert agreement.cosine_p1 == pytest.approx(np.percentile(cosines, 1), abs=1e-5)
    assert agreement.cosine_min == pytest.approx(min(cosines), abs=1e-5)
    assert agreement.protocol.first_only == sum(
        a and not b for a, b in zip(found[0].decisions, found[1].decisions, strict=True)
    )
    exact = [vectors.astype(np.float64) for vectors in (one, other)]
    counts = {(same, first): 0 for same in (True, False) for first in (True, False)}
    for i in range(len(one)):
        for j in range(i):
            a = exact[0][i] @ exact[0][j] > found[0].roc.thresholds["1e-4"] + LAST_BITS
            b = exact[1][i] @ exact[1][j] > found[1].roc.thresholds["1e-4"] + LAST_BITS
            if a != b:
                counts[bool(faces.people[i] == faces.people[j]), bool(a)] += 1
    assert agreement.genuine is not None
    assert agreement.impostor is not None
    assert agreement.genuine.first_only == pytest.approx(counts[True, True], abs=1)
    assert agreement.genuine.second_only == pytest.approx(counts[True, False], abs=1)
    assert agreement.impostor.first_only == counts[False, True]
    assert agreement.impostor.second_only == counts[False, False]
    assert agreement.impostor.pairs == found[0].roc.impostor_pairs


def test_a_network_agrees_with_itself() -> None:
    rng = np.random.default_rng(0)
    faces = faces_of(rng, people=110, most=3)
    vectors = vectors_of(rng, faces)
    taken = pass_of(faces, (entry("a.onnx"), vectors), (entry("b.onnx"), vectors))
    (agreement,) = agreements(taken, score_pairs(taken, protocol(faces, rng, pairs=40)))
    assert agreement.cosine_min == pytest.approx(1)
    assert agreement.protocol.share == 0
    assert agreement.genuine is not None
    assert agreement.genuine.share == 0


def test_of_three_networks_those_with_one_model_id_are_compared() -> None:
    rng = np.random.default_rng(0)
    faces = faces_of(rng, people=20, most=3)
    vectors = vectors_of(rng, faces)
    entries = (entry("a.onnx"), entry("c.onnx", model_id="other"), entry("b.onnx"))
    taken = pass_of(faces, *((one, vectors) for one in entries))
    found = score_pairs(taken, protocol(faces, rng, pairs=20))
    (agreement,) = agreements(taken, found)
    assert (agreement.first, agreement.second) == (0, 2)
    assert agreement.genuine is None


def test_of_two_networks_both_are_compared_whatever_they_are() -> None:
    rng = np.random.default_rng(0)
    faces = faces_of(rng, people=20, most=3)
    vectors = vectors_of(rng, faces)
    entries = (entry("a.onnx"), entry("c.onnx", model_id="other"))
    taken = pass_of(faces, *((one, vectors) for one in entries))
    (agreement,) = agreements(taken, score_pairs(taken, protocol(faces, rng, pairs=20)))
    assert not agreement.one_network
