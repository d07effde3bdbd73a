"""The losses with a margin against their formulas written a second time."""

import math
from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra [train] (PyTorch)")

import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor

from models.losses.arcface import ArcFace
from models.losses.base import LabelLoss
from models.losses.cosface import CosFace
from models.losses.margin import MarginSoftmax
from models.losses.normalised_softmax import NormalisedSoftmax
from models.losses.subcenter_arcface import SubcenterArcFace
from tests.models.losses.conftest import LABELS
from tests.models.losses.formulas import angle, cosine, margin_softmax

Randomise = Callable[[LabelLoss, Tensor], Tensor]
TYPES = [(torch.float64, 1e-9), (torch.float32, 2e-5), (torch.bfloat16, 2e-5)]
typed = pytest.mark.parametrize(("dtype", "tolerance"), TYPES)


def found_and_expected(
    loss: MarginSoftmax, own: Callable[[float], float], embeddings: Tensor
) -> tuple[float, object]:
    centres = len(loss.weight) // loss.classes
    expected = margin_softmax(
        embeddings.double().numpy(),
        LABELS,
        loss.weight.detach().double().numpy(),
        scale=loss.scale,
        own=own,
        centres=centres,
    )
    return float(loss(embeddings, torch.tensor(LABELS)).detach()), expected


@typed
def test_normalised_softmax_is_softmax_over_scaled_cosines(
    dtype: torch.dtype, tolerance: float, randomise: Randomise
) -> None:
    loss = NormalisedSoftmax(4, 6, scale=12)
    found, expected = found_and_expected(loss, math.cos, randomise(loss, torch.empty(0).to(dtype)))
    assert found == pytest.approx(expected, rel=tolerance)


@typed
def test_cosface_takes_the_margin_off_the_cosine(
    dtype: torch.dtype, tolerance: float, randomise: Randomise
) -> None:
    loss = CosFace(4, 6, scale=20, margin=0.3)
    embeddings = randomise(loss, torch.empty(0).to(dtype))
    found, expected = found_and_expected(loss, lambda theta: math.cos(theta) - 0.3, embeddings)
    assert found == pytest.approx(expected, rel=tolerance)


def arc(theta: float) -> float:
    if theta > math.pi - 0.5:
        return math.cos(theta) - 0.5 * math.sin(0.5)
    return math.cos(theta + 0.5)


@typed
def test_arcface_adds_the_margin_to_the_angle_and_falls_back_beyond_pi(
    dtype: torch.dtype, tolerance: float, randomise: Randomise
) -> None:
    loss = ArcFace(4, 6, scale=16, margin=0.5)
    embeddings = randomise(loss, torch.empty(0).to(dtype))
    weight = loss.weight.detach().double().numpy()
    angles = [
        angle(cosine(x, weight[label]))
        for x, label in zip(embeddings.double().numpy(), LABELS, strict=True)
    ]
    assert min(angles) < math.pi - 0.5 < max(angles), "both branches must occur"
    found, expected = found_and_expected(loss, arc, embeddings)
    assert found == pytest.approx(expected, rel=tolerance)


@typed
def test_the_easy_margin_acts_on_the_near_half_only(
    dtype: torch.dtype, tolerance: float, randomise: Randomise
) -> None:
    loss = ArcFace(4, 6, scale=16, margin=0.5, easy_margin=True)
    embeddings = randomise(loss, torch.empty(0).to(dtype))

    def easy(theta: float) -> float:
        return math.cos(theta + 0.5) if theta < math.pi / 2 else math.cos(theta)

    found, expected = found_and_expected(loss, easy, embeddings)
    assert found == pytest.approx(expected, rel=tolerance)
    assert found != pytest.approx(found_and_expected(loss, arc, embeddings)[1], rel=1e-3)


@typed
def test_subcenter_arcface_takes_the_nearest_centre_of_each_class(
    dtype: torch.dtype, tolerance: float, randomise: Randomise
) -> None:
    loss = SubcenterArcFace(4, 6, scale=16, margin=0.5, centres=3)
    assert loss.weight.shape == (12, 6)
    embeddings = randomise(loss, torch.empty(0).to(dtype))
    found, expected = found_and_expected(loss, arc, embeddings)
    assert found == pytest.approx(expected, rel=tolerance)


def test_one_subcentre_is_arcface() -> None:
    plain, several = ArcFace(4, 6), SubcenterArcFace(4, 6, centres=1)
    several.load_state_dict(plain.state_dict())
    embeddings = torch.from_numpy(np.random.default_rng(2).standard_normal((10, 6))).float()
    labels = torch.tensor(LABELS)
    assert torch.equal(plain(embeddings, labels), several(embeddings, labels))


@pytest.mark.parametrize("make", [CosFace, ArcFace])
def test_no_margin_is_normalised_softmax(make: type[CosFace | ArcFace]) -> None:
    loss, plain = make(4, 6, scale=9, margin=0), NormalisedSoftmax(4, 6, scale=9)
    plain.load_state_dict(loss.state_dict())
    embeddings = torch.from_numpy(np.random.default_rng(2).standard_normal((10, 6))).float()
    labels = torch.tensor(LABELS)
    assert float(loss(embeddings, labels).detach()) == pytest.approx(
        float(plain(embeddings, labels).detach())
    )


@given(st.floats(0, math.pi / 2), st.floats(0, math.pi))
def test_the_easy_margin_begins_at_a_right_angle(margin: float, theta: float) -> None:
    assume(abs(theta - math.pi / 2) > 1e-9)
    loss = ArcFace(2, 2, margin=margin, easy_margin=True)
    found = float(loss.penalised(torch.tensor([[math.cos(theta)]], dtype=torch.float64)))
    expected = math.cos(theta + margin) if theta < math.pi / 2 else math.cos(theta)
    assert found == pytest.approx(expected, abs=1e-7)


def test_no_cosine_leaves_the_range_by_rounding() -> None:
    torch.manual_seed(2)
    loss = NormalisedSoftmax(200, 128)
    cosines = loss.cosines(torch.cat([loss.weight, -loss.weight]))
    assert float(cosines.detach().max()) == 1
    assert float(cosines.detach().min()) == -1


@given(
    st.floats(0, math.pi / 2),
    st.floats(0, math.pi),
    st.floats(0, math.pi),
)
def test_arcface_falls_with_the_angle_and_never_helps(
    margin: float, first: float, second: float
) -> None:
    loss = ArcFace(2, 2, margin=margin)
    near, far = sorted((first, second))
    cosines = torch.tensor([[near], [far]], dtype=torch.float64).cos()
    values = loss.penalised(cosines)
    slack = 1e-7  # sin θ is cut off below the precision of the numbers
    assert float(values[1]) <= float(values[0]) + slack
    assert bool((values <= cosines + slack).all())


@given(st.floats(0, math.pi), st.floats(1e-3, 1e3))
def test_the_length_of_an_embedding_does_not_matter(theta: float, length: float) -> None:
    loss = ArcFace(2, 2, scale=4).double()
    with torch.no_grad():
        loss.weight.copy_(torch.eye(2))
    row = torch.tensor([[math.cos(theta), math.sin(theta)]], dtype=torch.float64)
    labels = torch.tensor([0])
    values = float(loss(row, labels).detach()), float(loss(row * length, labels).detach())
    assert values[0] == pytest.approx(values[1], rel=1e-6)
