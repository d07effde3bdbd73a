"""Contrastive and triplet loss against their formulas written a second time."""

import itertools

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra [train] (PyTorch)")

import torch

from models.losses.contrastive import Contrastive, pair_losses
from models.losses.triplet import Triplet
from tests.models.losses.formulas import Rows

LABELS = (0, 0, 1, 1, 2, 0, 1, 3)
typed = pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float64, 1e-9), (torch.float32, 1e-5), (torch.bfloat16, 1e-5)],
)
normalised_or_not = pytest.mark.parametrize("normalised", [True, False])


def drawn(dtype: torch.dtype, seed: int = 31) -> torch.Tensor:
    rows = np.random.default_rng(seed).standard_normal((len(LABELS), 5))
    return torch.from_numpy(rows).to(dtype)


def distance_table(embeddings: torch.Tensor, *, normalised: bool) -> Rows:
    rows = embeddings.double().numpy()
    if normalised:
        rows = np.stack([row / np.sqrt(np.sum(row * row)) for row in rows])
    count = len(rows)
    return np.array(
        [[np.sqrt(np.sum((rows[i] - rows[j]) ** 2)) for j in range(count)] for i in range(count)]
    )


@typed
@normalised_or_not
def test_contrastive_pulls_pairs_of_a_class_and_pushes_the_others_to_the_margin(
    dtype: torch.dtype, tolerance: float, normalised: bool
) -> None:
    margin = 1.3 if normalised else 3.0
    embeddings = drawn(dtype)
    apart = distance_table(embeddings, normalised=normalised)
    losses, pushed = [], 0
    for i, j in itertools.combinations(range(len(LABELS)), 2):
        d, y = apart[i, j], int(LABELS[i] == LABELS[j])
        losses.append(0.5 * y * d**2 + 0.5 * (1 - y) * max(0.0, margin - d) ** 2)
        pushed += int(y == 0 and d < margin)
    assert 0 < pushed < sum(a != b for a, b in itertools.combinations(LABELS, 2))
    loss = Contrastive(4, 5, margin=margin, normalised=normalised)
    found = float(loss(embeddings, torch.tensor(LABELS)).detach())
    assert found == pytest.approx(float(np.mean(losses)), rel=tolerance)


def test_pair_losses_take_y_as_same() -> None:
    values = pair_losses(
        torch.tensor([0.5, 0.5, 2.0]), torch.tensor([True, False, False]), margin=1
    )
    assert values.tolist() == pytest.approx([0.125, 0.125, 0])


def hardest(apart: Rows) -> list[tuple[float, float]]:
    chosen = []
    for a, label in enumerate(LABELS):
        near = [apart[a, p] for p in range(len(LABELS)) if p != a and LABELS[p] == label]
        far = [apart[a, n] for n in range(len(LABELS)) if LABELS[n] != label]
        if near:
            chosen.append((max(near), min(far)))
    return chosen


def semi_hardest(apart: Rows, margin: float) -> list[tuple[float, float]]:
    chosen = []
    for a, p in itertools.permutations(range(len(LABELS)), 2):
        if LABELS[a] != LABELS[p]:
            continue
        far = [
            apart[a, n]
            for n in range(len(LABELS))
            if LABELS[n] != LABELS[a] and apart[a, p] < apart[a, n] < apart[a, p] + margin
        ]
        if far:
            chosen.append((apart[a, p], min(far)))
    return chosen


@typed
@normalised_or_not
@pytest.mark.parametrize("squared", [True, False])
def test_batch_hard_takes_the_farthest_positive_and_the_nearest_negative(
    dtype: torch.dtype, tolerance: float, normalised: bool, squared: bool
) -> None:
    embeddings = drawn(dtype)
    apart = distance_table(embeddings, normalised=normalised) ** (2 if squared else 1)
    chosen = hardest(apart)
    assert len(chosen) == 6  # classes 2 and 3 have one face each
    expected = np.mean([max(0.0, near - far + 0.3) for near, far in chosen])
    loss = Triplet(4, 5, margin=0.3, normalised=normalised, squared=squared)
    found = float(loss(embeddings, torch.tensor(LABELS)).detach())
    assert found == pytest.approx(float(expected), rel=tolerance)


@typed
@normalised_or_not
@pytest.mark.parametrize("squared", [True, False])
def test_semi_hard_takes_the_nearest_negative_beyond_the_positive_inside_the_margin(
    dtype: torch.dtype, tolerance: float, normalised: bool, squared: bool
) -> None:
    margin = 0.6 if normalised else 1.5
    embeddings = drawn(dtype)
    apart = distance_table(embeddings, normalised=normalised) ** (2 if squared else 1)
    chosen = semi_hardest(apart, margin)
    assert 0 < len(chosen) < 12, "some pairs must have a semi-hard negative and some none"
    expected = np.mean([near - far + margin for near, far in chosen])
    loss = Triplet(4, 5, margin=margin, mining="semi-hard", normalised=normalised, squared=squared)
    found = float(loss(embeddings, torch.tensor(LABELS)).detach())
    assert found == pytest.approx(float(expected), rel=tolerance)


@pytest.mark.parametrize("mining", ["batch-hard", "semi-hard"])
@pytest.mark.parametrize("labels", [(1, 1, 1), (0, 1, 2), (2,)])
def test_a_batch_without_a_triplet_costs_nothing(mining: str, labels: tuple[int, ...]) -> None:
    embeddings = torch.randn(
        len(labels), 5, generator=torch.Generator().manual_seed(1), requires_grad=True
    )
    loss = Triplet(3, 5, mining=mining)(embeddings, torch.tensor(labels))  # type: ignore[arg-type]
    loss.backward()
    assert float(loss.detach()) == 0
    assert embeddings.grad is not None
    assert not bool(embeddings.grad.any())


def test_a_lone_face_makes_no_pair() -> None:
    embeddings = torch.ones(1, 5, requires_grad=True)
    loss = Contrastive(3, 5)(embeddings, torch.tensor([1]))
    loss.backward()
    assert float(loss.detach()) == 0
