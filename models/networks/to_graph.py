"""Write a PyTorch MobileFaceNet as a graph of this project, norms folded in."""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.graph import Attribute, Graph, Port
from models.networks.mobilefacenet import ConvUnit, MobileFaceNet

Float32 = NDArray[np.float32]


def folded(unit: ConvUnit) -> tuple[Float32, Float32]:
    """Weight and bias of a unit with its batch norm (its running statistics) folded in."""
    weight = unit.conv.weight.detach().double()
    bias = (
        torch.zeros(len(weight), dtype=torch.float64)
        if unit.conv.bias is None
        else unit.conv.bias.detach().double()
    )
    norm = unit.norm
    if isinstance(norm, nn.BatchNorm2d):
        if norm.running_mean is None or norm.running_var is None:
            raise ValueError("a batch norm without running statistics cannot be folded")
        factor = norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt()
        weight = weight * factor[:, None, None, None]
        bias = (bias - norm.running_mean.double()) * factor + norm.bias.detach().double()
    return weight.float().numpy(), bias.float().numpy()


def to_graph(network: MobileFaceNet, *, taps: Iterable[int] = ()) -> Graph:
    """The network in evaluation mode: `crops` (N, 3, H, W) to `embeddings` (N, E), raw length.

    taps: bottlenecks whose outputs become further outputs `tap_<index>`. PReLUs stay PRelu nodes
    (see models.rewrite.split_prelu).
    """
    wanted = frozenset(taps)
    writer = _Writer(network.settings.input_hw)
    x = writer.unit(network.stem, "crops")
    x = writer.unit(network.stem_depthwise, x)
    for index, block in enumerate(network.bottlenecks()):
        y = writer.unit(block.project, writer.unit(block.depthwise, writer.unit(block.expand, x)))
        x = writer.graph.add("Add", [x, y], f"{y}_sum") if block.residual else y
        if index in wanted:
            x = writer.tap(x, index, block.project.shape.out_channels)
    for unit in (network.head_expand, network.head_depthwise, network.head_project):
        x = writer.unit(unit, x)
    size = network.settings.embedding_size
    shape = writer.graph.constant("embedding_shape", np.array([-1, size], np.int64))
    writer.graph.add("Reshape", [x, shape], "embeddings")
    writer.graph.outputs.insert(0, Port("embeddings", (size,)))
    return writer.graph


class _Writer:
    def __init__(self, input_hw: tuple[int, int]) -> None:
        self.graph = Graph("mobilefacenet", inputs=[Port("crops", (3, *input_hw))])
        self._size_hw = input_hw
        self._count = 0

    def unit(self, unit: ConvUnit, x: str) -> str:
        name = f"u{self._count:02d}"
        self._count += 1
        shape = unit.shape
        left, right, top, bottom = shape.padding_lrtb
        weight, bias = folded(unit)
        inputs = [
            x,
            self.graph.constant(f"{name}_w", weight),
            self.graph.constant(f"{name}_b", bias),
        ]
        self._size_hw = (
            (self._size_hw[0] + top + bottom - shape.kernel_hw[0]) // shape.stride + 1,
            (self._size_hw[1] + left + right - shape.kernel_hw[1]) // shape.stride + 1,
        )
        attributes: dict[str, Attribute] = {
            "kernel_shape": list(shape.kernel_hw),
            "strides": [shape.stride, shape.stride],
            "pads": [top, left, bottom, right],
            "group": shape.in_channels if shape.depthwise else 1,
        }
        y = self.graph.add("Conv", inputs, f"{name}_conv", attributes)
        match unit.activation:
            case nn.ReLU():
                return self.graph.add("Relu", [y], name)
            case nn.LeakyReLU(negative_slope=slope):
                return self.graph.add("LeakyRelu", [y], name, {"alpha": float(slope)})
            case nn.PReLU(weight=slopes):
                values = slopes.detach().numpy().reshape(-1, 1, 1).copy()
                constant = self.graph.constant(f"{name}_slope", values)
                return self.graph.add("PRelu", [y, constant], name)
            case nn.Identity():
                return y
            case other:
                raise ValueError(f"no ONNX counterpart for {type(other).__name__}")

    def tap(self, x: str, index: int, channels: int) -> str:
        self.graph.rename(x, f"tap_{index}")
        self.graph.outputs.append(Port(f"tap_{index}", (channels, *self._size_hw)))
        return f"tap_{index}"
