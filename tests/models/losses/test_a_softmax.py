"""A-Softmax against the paper's ψ(θ), and the annealing of λ."""

import math
from collections.abc import Callable

import pytest

pytest.importorskip("torch", reason="training needs the extra [train] (PyTorch)")

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from models.losses.a_softmax import ASoftmax, psi
from models.losses.base import LabelLoss
from tests.models.losses.conftest import LABELS
from tests.models.losses.formulas import margin_softmax

each_m = pytest.mark.parametrize("m", [1, 2, 3, 4])


def paper_psi(theta: float, m: int) -> float:
    k = min(int(theta * m / math.pi), m - 1)
    return (-1) ** k * math.cos(m * theta) - 2 * k


@given(st.floats(0, math.pi), st.sampled_from([1, 2, 3, 4]))
def test_psi_is_the_formula_of_the_paper(theta: float, m: int) -> None:
    found = float(psi(torch.tensor(theta, dtype=torch.float64).cos(), m))
    assert found == pytest.approx(paper_psi(theta, m), abs=1e-9)


@each_m
def test_psi_falls_from_one_to_one_minus_two_m_without_a_jump(m: int) -> None:
    theta = torch.linspace(0, math.pi, 5001, dtype=torch.float64)
    values = psi(theta.cos().clamp(-1, 1), m)
    steps = values.diff()
    assert float(values[0]) == pytest.approx(1)
    assert float(values[-1]) == pytest.approx(1 - 2 * m)
    assert float(steps.max()) <= 1e-12
    assert float(steps.min()) >= -1.01 * m * math.pi / 5000


@each_m
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float64, 1e-9), (torch.float32, 2e-5), (torch.bfloat16, 2e-5)],
)
def test_the_loss_blends_psi_with_the_cosine_and_keeps_the_embeddings_length(
    m: int,
    dtype: torch.dtype,
    tolerance: float,
    randomise: Callable[[LabelLoss, Tensor], Tensor],
) -> None:
    loss = ASoftmax(4, 6, margin=m, lambda_start=1.5, lambda_end=1.5)
    embeddings = randomise(loss, torch.empty(0).to(dtype))
    expected = margin_softmax(
        embeddings.double().numpy(),
        LABELS,
        loss.weight.detach().double().numpy(),
        scale=None,
        own=lambda theta: (1.5 * math.cos(theta) + paper_psi(theta, m)) / 2.5,
    )
    found = float(loss(embeddings, torch.tensor(LABELS)).detach())
    assert found == pytest.approx(expected, rel=tolerance)


def test_lambda_falls_with_each_batch_of_the_training_down_to_its_end() -> None:
    loss = ASoftmax(2, 2, lambda_start=100, lambda_end=5, lambda_decay=1)
    seen = []
    for _ in range(30):
        seen.append(loss.annealing)
        loss(torch.ones(1, 2), torch.tensor([1]))
    assert seen == pytest.approx([max(5, 100 / (1 + t)) for t in range(30)])
    loss.eval()
    loss(torch.ones(1, 2), torch.tensor([1]))
    assert int(loss.step) == 30


def test_a_resumed_run_goes_on_with_its_lambda() -> None:
    first = ASoftmax(2, 2)
    for _ in range(7):
        first(torch.ones(1, 2), torch.tensor([0]))
    second = ASoftmax(2, 2)
    second.load_state_dict(first.state_dict())
    assert second.annealing == first.annealing < 1000
