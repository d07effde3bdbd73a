"""The optimisers and their parameter groups."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra [train] (PyTorch)")

import torch
from torch import Tensor, nn

from models.networks.mobilefacenet import MobileFaceNet, NetworkSettings
from models.training.config import OptimiserTable
from models.training.optimiser import Muon, make_optimiser, orthogonalised


def formula(
    weight: Tensor, gradients: list[Tensor], *, lr: float, momentum: float, weight_decay: float
) -> Tensor:
    """Muon once more, with NumPy and float64, on a matrix."""
    w = weight.numpy().astype(np.float64)
    average = np.zeros_like(w)
    for gradient in gradients:
        g = gradient.numpy().astype(np.float64)
        average = momentum * average + (1 - momentum) * g
        x = (1 - momentum) * g + momentum * average
        x = x / np.linalg.norm(x)
        for _ in range(5):
            xxt = x @ x.T
            x = 3.4445 * x + (-4.7750 * xxt + 2.0315 * xxt @ xxt) @ x
        w = w * (1 - lr * weight_decay) - lr * 0.2 * np.sqrt(max(w.shape)) * x
    return torch.from_numpy(w)


@pytest.mark.parametrize("shape", [(6, 9), (9, 6), (5, 5)])
def test_muon_follows_its_formula(shape: tuple[int, int]) -> None:
    torch.manual_seed(2)
    weight, gradients = torch.randn(shape), [torch.randn(shape) for _ in range(4)]
    parameter = nn.Parameter(weight.clone())
    settings = {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.1}
    optimiser = Muon([parameter], **settings)
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimiser.step()
    expected = formula(weight, gradients, **settings)
    torch.testing.assert_close(parameter.detach().double(), expected, rtol=1e-4, atol=1e-5)


def test_a_convolution_is_taken_as_a_matrix_of_its_output_channels() -> None:
    torch.manual_seed(2)
    weight, gradient = torch.randn(4, 3, 3, 3), torch.randn(4, 3, 3, 3)
    parameter = nn.Parameter(weight.clone().to(memory_format=torch.channels_last))
    parameter.grad = gradient.clone().to(memory_format=torch.channels_last)
    settings = {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.0}
    Muon([parameter], **settings).step()
    expected = formula(weight.flatten(1), [gradient.flatten(1)], **settings)
    torch.testing.assert_close(
        parameter.detach().flatten(1).double(), expected, rtol=1e-4, atol=1e-5
    )


def test_an_orthogonalised_matrix_has_singular_values_near_one() -> None:
    torch.manual_seed(3)
    for shape in ((64, 128), (128, 64)):
        values = torch.linalg.svdvals(orthogonalised(torch.randn(shape)))
        assert float(values.min()) > 0.6
        assert float(values.max()) < 1.3


def test_nothing_is_made_of_a_zero_gradient() -> None:
    parameter = nn.Parameter(torch.ones(3, 4))
    parameter.grad = torch.zeros(3, 4)
    Muon([parameter], lr=0.1, momentum=0.9, weight_decay=0.0).step()
    assert torch.equal(parameter.detach(), torch.ones(3, 4))


@pytest.mark.parametrize("kind", ["adamw", "sgd", "muon"])
def test_every_parameter_is_trained_once_and_only_weights_decay(kind: str) -> None:
    network = MobileFaceNet(NetworkSettings(input_hw=(32, 32), table=((2, 64, 1, 2),)))
    optimiser = make_optimiser(network, OptimiserTable(kind=kind, weight_decay=0.1))  # type: ignore[arg-type]
    seen: list[Tensor] = []
    for group in optimiser.param_groups:
        params: list[Tensor] = group["params"]  # type: ignore[assignment]
        seen += params
        assert all((p.ndim > 1) == (group["weight_decay"] == 0.1) for p in params)
    assert sorted(map(id, seen)) == sorted(map(id, network.parameters()))


def test_muon_leaves_depthwise_kernels_and_vectors_to_adamw() -> None:
    network = MobileFaceNet(NetworkSettings(input_hw=(32, 32), table=((2, 64, 1, 2),)))
    muon, adamw = make_optimiser(network, OptimiserTable(kind="muon")).parts
    assert isinstance(muon, Muon)
    assert isinstance(adamw, torch.optim.AdamW)
    assert all(p.shape[1] > 1 for group in muon.param_groups for p in group["params"])
    assert all(p.ndim == 1 or p.shape[1] == 1 for g in adamw.param_groups for p in g["params"])
