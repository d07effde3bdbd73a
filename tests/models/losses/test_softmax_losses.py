"""Softmax and center loss against their formulas written a second time."""

from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra [train] (PyTorch)")

import torch
from torch import Tensor

from models.losses.base import LabelLoss
from models.losses.center import CenterLoss
from models.losses.softmax import Softmax
from tests.models.losses.conftest import LABELS
from tests.models.losses.formulas import Rows, cross_entropy

Randomise = Callable[[LabelLoss, Tensor], Tensor]
typed = pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float64, 1e-9), (torch.float32, 1e-5), (torch.bfloat16, 1e-5)],
)


def as_rows(values: Tensor) -> Rows:
    return values.detach().double().numpy()


def softmax_value(loss: Softmax, embeddings: Tensor) -> float:
    bias = np.zeros(loss.classes) if loss.bias is None else as_rows(loss.bias)
    weight = as_rows(loss.weight)
    logits = [
        [float(x @ weight[j] + bias[j]) for j in range(loss.classes)] for x in as_rows(embeddings)
    ]
    return cross_entropy(logits, LABELS)


@typed
@pytest.mark.parametrize("bias", [True, False])
def test_softmax_is_cross_entropy_over_dot_products(
    dtype: torch.dtype, tolerance: float, bias: bool, randomise: Randomise
) -> None:
    loss = Softmax(4, 6, bias=bias)
    embeddings = randomise(loss, torch.empty(0).to(dtype))
    found = float(loss(embeddings, torch.tensor(LABELS)).detach())
    assert found == pytest.approx(softmax_value(loss, embeddings), rel=tolerance)


@typed
def test_center_loss_adds_half_the_squared_distance_to_the_own_centre(
    dtype: torch.dtype, tolerance: float, randomise: Randomise
) -> None:
    loss = CenterLoss(4, 6, centre_weight=0.7)
    embeddings = randomise(loss, torch.empty(0).to(dtype))
    centres = as_rows(loss.centres)
    pulls = [
        float(np.sum((x - centres[label]) ** 2)) / 2
        for x, label in zip(as_rows(embeddings), LABELS, strict=True)
    ]
    expected = softmax_value(loss, embeddings) + 0.7 * float(np.mean(pulls))
    found = float(loss(embeddings, torch.tensor(LABELS)).detach())
    assert found == pytest.approx(expected, rel=tolerance)


def test_the_centres_alone_move_to_the_means_of_their_classes() -> None:
    torch.manual_seed(4)
    loss = CenterLoss(3, 2, centre_weight=1)
    embeddings, labels = torch.randn(9, 2), torch.arange(3).repeat(3)
    optimiser = torch.optim.SGD([loss.centres], lr=1)
    for _ in range(60):
        optimiser.zero_grad()
        loss(embeddings, labels).backward()
        optimiser.step()
    means = torch.stack([embeddings[labels == j].mean(0) for j in range(3)])
    assert torch.allclose(loss.class_vectors(), means, atol=1e-5)
