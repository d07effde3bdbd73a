"""What holds for every loss: gradients, safety at cos θ = ±1, types, the hook of the objective."""

import math
from collections.abc import Callable, Mapping

import pytest

pytest.importorskip("torch", reason="training needs the extra [train] (PyTorch)")

import torch
from torch import Tensor
from torch.func import functional_call

from models.losses.base import LabelLoss
from models.losses.factory import LOSSES, Setting, make_loss
from models.training.objective import terms
from tests.models.losses.conftest import LABELS

VARIANTS: tuple[tuple[str, Mapping[str, Setting]], ...] = (
    *((name, {}) for name in LOSSES),
    ("softmax", {"bias": False}),
    ("contrastive", {"normalised": False}),
    ("triplet", {"mining": "semi-hard", "margin": 1.0}),
    ("triplet", {"squared": False}),
    *(("a-softmax", {"margin": m, "lambda_start": 0, "lambda_end": 0}) for m in (1, 2, 3, 4)),
    ("arcface", {"easy_margin": True}),
    ("arcface", {"margin": math.pi / 2}),
)
each_variant = pytest.mark.parametrize(
    ("name", "settings"),
    VARIANTS,
    ids=[f"{name} {' '.join(f'{k}={v}' for k, v in s.items())}".strip() for name, s in VARIANTS],
)


def backward(loss: LabelLoss, embeddings: Tensor, labels: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The value and the gradients: the embeddings' first, then the parameters'."""
    value = loss(embeddings, labels)
    value.backward()
    gradients = [tensor.grad for tensor in (embeddings, *loss.parameters())]
    assert all(gradient is not None for gradient in gradients)
    return value.detach(), [gradient for gradient in gradients if gradient is not None]


@each_variant
def test_the_gradient_is_the_one_of_small_differences(
    name: str, settings: Mapping[str, Setting], randomise: Callable[[LabelLoss, Tensor], Tensor]
) -> None:
    soft = {"scale": 4} if name in ("cosface", "arcface", "subcenter-arcface") else {}
    loss = make_loss(name, classes=4, embedding_size=3, **{**soft, **settings}).eval()
    embeddings = randomise(loss, torch.empty(0, dtype=torch.float64)).requires_grad_()
    parameters = dict(loss.named_parameters())
    labels = torch.tensor(LABELS)

    def value(rows: Tensor, *changed: Tensor) -> Tensor:
        state = dict(zip(parameters, changed, strict=True))
        result: Tensor = functional_call(loss, state, (rows, labels))
        return result

    assert float(value(embeddings, *parameters.values()).detach()) > 0
    assert torch.autograd.gradcheck(value, (embeddings, *parameters.values()))


@each_variant
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("nudge", [0.0, 1e-7, 1e-4, 1e-2])
def test_the_gradient_is_finite_and_bounded_where_embeddings_coincide_or_oppose(
    name: str, settings: Mapping[str, Setting], dtype: torch.dtype, nudge: float
) -> None:
    torch.manual_seed(8)
    loss = make_loss(name, classes=4, embedding_size=6, **settings).to(dtype)
    vectors = loss.class_vectors()
    rows = torch.randn(4, 6).to(dtype) if vectors is None else vectors[:: len(vectors) // 4]
    rows = torch.cat([rows, -rows, rows * 3])  # cos θ = 1, −1, 1; twice the same direction
    embeddings = (rows + nudge * torch.randn(12, 6).to(dtype)).requires_grad_()
    labels = torch.tensor([0, 1, 2, 3] * 2 + [1, 0, 3, 2])
    value, gradients = backward(loss, embeddings, labels)
    assert bool(torch.isfinite(value))
    for gradient in gradients:
        assert float(gradient.abs().max()) < 1000  # s = 64 times at most 2 over the length
    moved = float(gradients[0].float().norm())
    assert moved > 0, "the loss must still pull"


@each_variant
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_embeddings_of_zeros_and_of_great_length_have_finite_gradients(
    name: str, settings: Mapping[str, Setting], dtype: torch.dtype
) -> None:
    torch.manual_seed(9)
    loss = make_loss(name, classes=4, embedding_size=6, **settings).to(dtype)
    rows = torch.cat([torch.zeros(3, 6), 1e4 * torch.randn(3, 6)]).to(dtype)
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    value, gradients = backward(loss, rows.requires_grad_(), labels)
    assert bool(torch.isfinite(value))
    assert all(bool(torch.isfinite(gradient).all()) for gradient in gradients)


@each_variant
def test_half_precision_and_autocast_are_computed_in_float32(
    name: str, settings: Mapping[str, Setting], randomise: Callable[[LabelLoss, Tensor], Tensor]
) -> None:
    loss = make_loss(name, classes=4, embedding_size=6, **settings).eval()
    halves = randomise(loss, torch.empty(0, dtype=torch.bfloat16))
    labels = torch.tensor(LABELS)
    from_halves = loss(halves, labels)
    loss.float()
    plain = loss(halves.float(), labels)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        automatic = loss(halves.float(), labels)
    assert from_halves.dtype == plain.dtype == automatic.dtype == torch.float32
    assert torch.equal(from_halves, plain)
    assert torch.equal(automatic, plain)


@each_variant
def test_a_loss_fits_the_hook_of_the_training_objective(
    name: str, settings: Mapping[str, Setting]
) -> None:
    torch.manual_seed(3)
    loss = make_loss(name, classes=4, embedding_size=6, **settings).eval()
    embeddings = torch.randn(8, 6)
    labels = torch.tensor([-1, 0, 0, 1, -1, 1, 2, -1])
    values = terms(
        embeddings,
        [],
        target_embeddings=embeddings,
        target_features=[],
        labels=labels,
        margin_loss=loss,
    )
    assert torch.equal(values["margin"], loss(embeddings[labels >= 0], labels[labels >= 0]))


@each_variant
def test_the_optimiser_brings_the_loss_down(name: str, settings: Mapping[str, Setting]) -> None:
    torch.manual_seed(5)
    loss = make_loss(name, classes=4, embedding_size=6, **settings)
    embeddings = torch.randn(12, 6, requires_grad=True)
    labels = torch.arange(4).repeat(3)
    optimiser = torch.optim.Adam([embeddings, *loss.parameters()], lr=0.05)
    loss.eval()
    start = float(loss(embeddings, labels).detach())
    loss.train()
    for _ in range(40):
        optimiser.zero_grad()
        loss(embeddings, labels).backward()
        optimiser.step()
    loss.eval()
    assert float(loss(embeddings, labels).detach()) < start


@each_variant
def test_an_empty_batch_costs_nothing(name: str, settings: Mapping[str, Setting]) -> None:
    loss = make_loss(name, classes=4, embedding_size=6, **settings)
    assert float(loss(torch.empty(0, 6), torch.empty(0, dtype=torch.int64)).detach()) == 0
