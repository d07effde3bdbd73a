"""IR-ResNet: its shapes, its order of layers, and what folding its norms leaves unchanged."""

import dataclasses

import pytest

pytest.importorskip("torch", reason="the networks need the extra [train] (PyTorch)")

import torch
from torch import nn
from torch.nn import functional as nnf

from models.networks.fold import fold_ir_norms, fold_norms
from models.networks.ir_resnet import IrResNet, IrResNetSettings
from models.networks.mobilefacenet import MobileFaceNet, NetworkSettings

TINY = IrResNetSettings(input_hw=(48, 32), embedding_size=8, units=(1, 2, 1, 1))


def randomised(network: nn.Module, seed: int) -> None:
    """Random norms and slopes, so that each of them matters."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.3, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator)
            nn.init.normal_(module.bias, 0, 0.3, generator=generator)
        elif isinstance(module, nn.PReLU):
            nn.init.uniform_(module.weight, -0.5, 0.9, generator=generator)
    network.eval()


@pytest.fixture
def tiny() -> IrResNet:
    torch.manual_seed(1)
    network = IrResNet(TINY)
    randomised(network, 2)
    return network


def test_fifty_layers_have_weights() -> None:
    with torch.device("meta"):
        network = IrResNet(IrResNetSettings())
    on_the_main_path = [unit for unit in network.units() if unit.shape.kernel_hw == (3, 3)]
    assert len(on_the_main_path) + 1 == 50
    assert network.fully_connected.weight.shape == (128, 512 * 7 * 6)
    assert sum(unit.shortcut is not None for unit in network.residual_units()) == 4


@pytest.mark.parametrize("embedding_size", [8, 128])
def test_the_embedding_has_the_size_of_the_settings(embedding_size: int) -> None:
    settings = dataclasses.replace(TINY, embedding_size=embedding_size)
    assert IrResNet(settings).eval()(torch.zeros(2, 3, 48, 32)).shape == (2, embedding_size)


def test_a_unit_is_norm_conv_norm_prelu_conv_norm_and_its_shortcut(tiny: IrResNet) -> None:
    unit = tiny.residual_units()[0]
    x = torch.randn(2, 64, 9, 6, generator=torch.Generator().manual_seed(3))

    def norm(values: torch.Tensor, module: nn.Module) -> torch.Tensor:
        assert isinstance(module, nn.BatchNorm2d)
        assert module.running_mean is not None
        assert module.running_var is not None
        mean, variance = module.running_mean[:, None, None], module.running_var[:, None, None]
        whitened = (values - mean) / (variance + 1e-5).sqrt()
        return whitened * module.weight[:, None, None] + module.bias[:, None, None]

    assert unit.shortcut is not None
    assert isinstance(unit.first.activation, nn.PReLU)
    slope = unit.first.activation.weight[:, None, None]
    with torch.inference_mode():
        y = norm(nnf.conv2d(norm(x, unit.norm), unit.first.conv.weight, padding=1), unit.first.norm)
        y = torch.where(y >= 0, y, slope * y)
        y = norm(nnf.conv2d(y, unit.second.conv.weight, stride=2, padding=1), unit.second.norm)
        beside = nnf.conv2d(x[:, :, ::2, ::2], unit.shortcut.conv.weight)
        expected = y + norm(beside, unit.shortcut.norm)
        found = unit(x)
    assert found.shape == (2, 64, 5, 3)
    assert torch.allclose(found, expected, atol=1e-4)


def test_a_unit_that_keeps_size_and_channels_adds_its_input_itself(tiny: IrResNet) -> None:
    unit = tiny.residual_units()[2]
    assert unit.shortcut is None
    assert isinstance(unit.second.norm, nn.BatchNorm2d)
    nn.init.zeros_(unit.second.norm.weight)
    nn.init.zeros_(unit.second.norm.bias)
    x = torch.randn(1, 128, 4, 4)
    assert torch.equal(unit(x), x)


def test_the_head_drops_only_in_training_and_keeps_the_variance_of_each_direction() -> None:
    network = IrResNet(TINY)
    assert isinstance(network.dropout, nn.Dropout)
    assert network.dropout.p == 0.4
    assert isinstance(network.output_norm, nn.BatchNorm1d)
    assert not network.output_norm.weight.requires_grad
    embeddings = network(torch.randn(16, 3, 48, 32, generator=torch.Generator().manual_seed(4)))
    assert embeddings.std(0, correction=0).tolist() == pytest.approx([1] * 8, rel=0.01)
    network.eval()
    crops = torch.randn(2, 3, 48, 32)
    assert torch.equal(network(crops), network(crops))


def test_every_weight_gets_a_gradient() -> None:
    network = IrResNet(TINY)
    network(torch.randn(4, 3, 48, 32)).square().sum().backward()
    without = [name for name, p in network.named_parameters() if p.requires_grad and p.grad is None]
    assert without == []


def test_folding_the_norms_of_an_ir_resnet_changes_nothing(tiny: IrResNet) -> None:
    crops = torch.randn(3, 3, 48, 32, generator=torch.Generator().manual_seed(5))
    with torch.inference_mode():
        expected, again = tiny(crops), fold_ir_norms(tiny)(crops)
        twice = fold_ir_norms(fold_ir_norms(tiny))(crops)
    assert torch.allclose(again, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))
    assert torch.allclose(twice, again, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize(
    "settings",
    [
        NetworkSettings(input_hw=(48, 32), activation="prelu"),
        NetworkSettings(input_hw=(48, 32), activation="leaky-relu", slopes=(0.2, 0.0, -0.3) * 11),
    ],
)
def test_folding_the_norms_of_a_mobilefacenet_changes_nothing(settings: NetworkSettings) -> None:
    torch.manual_seed(6)
    network = MobileFaceNet(settings)
    randomised(network, 7)
    folded = fold_norms(network)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    crops = torch.randn(2, 3, 48, 32)
    with torch.inference_mode():
        expected, found = network(crops), folded(crops)
    assert torch.allclose(found, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))


@pytest.mark.parametrize("input_hw", [(112, 90), (100, 96), (0, 16)])
def test_an_impossible_input_size_is_refused(input_hw: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="multiples of 16"):
        IrResNet(dataclasses.replace(TINY, input_hw=input_hw))


def test_a_stage_without_a_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        IrResNet(dataclasses.replace(TINY, units=(3, 0, 14, 3)))
