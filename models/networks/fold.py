"""Fold batch norms into the convolutions and fully connected layers beside them."""

import dataclasses

import torch
from torch import Tensor, nn

from models.networks.ir_resnet import IrResNet
from models.networks.mobilefacenet import ConvUnit, MobileFaceNet
from models.networks.to_graph import folded


def fold_norms(network: MobileFaceNet) -> MobileFaceNet:
    """A new network of the setting norm = "none" that gives the same embeddings in evaluation."""
    settings = dataclasses.replace(network.settings, norm="none")
    result = MobileFaceNet(settings)
    with torch.no_grad():
        _copy_units(network.units(), result.units())
    return result.eval()


def fold_ir_norms(network: IrResNet) -> IrResNet:
    """The same for an IR-ResNet; the norm at the start of each residual unit stays.

    The two norms of the head fold into the fully connected layer: y = s₂(W(s₁x + t₁)) + t₂.
    """
    result = IrResNet(dataclasses.replace(network.settings, norm="none"))
    with torch.no_grad():
        _copy_units(network.units(), result.units())
        for ours, theirs in zip(network.residual_units(), result.residual_units(), strict=True):
            theirs.norm.load_state_dict(ours.norm.state_dict())
        old, new = network.fully_connected, result.fully_connected
        weight = old.weight.double()
        bias = torch.zeros(len(weight), dtype=torch.float64)
        if old.bias is not None:
            bias = old.bias.double()
        if isinstance(network.head_norm, nn.BatchNorm2d):
            scale, shift = _scale_and_shift(network.head_norm)
            pixels = weight.shape[1] // len(scale)
            bias = bias + weight @ shift.repeat_interleave(pixels)
            weight = weight * scale.repeat_interleave(pixels)
        if isinstance(network.output_norm, nn.BatchNorm1d):
            scale, shift = _scale_and_shift(network.output_norm)
            weight, bias = weight * scale[:, None], bias * scale + shift
        new.load_state_dict({"weight": weight, "bias": bias})
    return result.eval()


def _scale_and_shift(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What a norm does in evaluation, in float64."""
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("a batch norm without running statistics cannot be folded")
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    return scale, norm.bias.double() - norm.running_mean.double() * scale


def _copy_units(sources: list[ConvUnit], targets: list[ConvUnit]) -> None:
    for source, target in zip(sources, targets, strict=True):
        weight, bias = folded(source)
        target.conv.load_state_dict(
            {"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)}
        )
        target.activation.load_state_dict(source.activation.state_dict())
