"""Count a network layer by layer: output shapes, parameters, multiply-adds, bytes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

_FLOAT_BYTES = 4
_INT8_CHANNEL_BYTES = 17
"""For each output channel: the weight's step and zero, the bias and its step and zero."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer as a crop meets it.

    output_shape: without the batch axis.
    parameters: what training changes; a norm's running mean and variance are `statistics`.
    multiply_adds: for one crop. A convolution or fully connected layer has one for each weight and
        place, a norm one for each element, PReLU and LeakyReLU one for each element, ReLU none.
        The sums of residual branches are not layers and are not counted.
    int8_bytes: weights as int8 with their steps, everything else in float32.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    statistics: int
    multiply_adds: int
    int8_bytes: int

    @property
    def matrix(self) -> bool:
        """Whether this is a convolution or a fully connected layer."""
        return self.kind.startswith(("conv", "depthwise", "fully"))


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums over all layers.

    matrix_multiply_adds: those of convolutions and fully connected layers alone, which is what
        papers mostly state.
    fp32_bytes: parameters and statistics; the graph around them comes on top.
    """

    parameters: int
    statistics: int
    multiply_adds: int
    matrix_multiply_adds: int
    fp32_bytes: int
    int8_bytes: int


def layers_of(network: nn.Module, input_hw: tuple[int, int]) -> tuple[Layer, ...]:
    """Every layer in the order in which a crop (3, H, W) meets it, in evaluation mode.

    Works on PyTorch's `meta` device too, where a network has shapes and no numbers. Layers that do
    nothing (nn.Identity) are left out. The network is left as it was found.
    """
    found: list[Layer] = []

    def recorder(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def record(module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
            found.append(_layer(name, module, tuple(output.shape[1:])))

        return record

    was_training = network.training
    device = next(network.parameters()).device
    handles = [
        module.register_forward_hook(recorder(name))
        for name, module in network.named_modules()
        if not any(module.children()) and not isinstance(module, nn.Identity)
    ]
    try:
        network.eval()
        with torch.inference_mode():
            network(torch.zeros(1, 3, *input_hw, device=device))
    finally:
        for handle in handles:
            handle.remove()
        network.train(was_training)
    return tuple(found)


def totals_of(layers: Iterable[Layer]) -> Totals:
    """The sums over these layers."""
    rows = tuple(layers)
    parameters = sum(layer.parameters for layer in rows)
    statistics = sum(layer.statistics for layer in rows)
    return Totals(
        parameters=parameters,
        statistics=statistics,
        multiply_adds=sum(layer.multiply_adds for layer in rows),
        matrix_multiply_adds=sum(layer.multiply_adds for layer in rows if layer.matrix),
        fp32_bytes=_FLOAT_BYTES * (parameters + statistics),
        int8_bytes=sum(layer.int8_bytes for layer in rows),
    )


def _layer(name: str, module: nn.Module, output_shape: tuple[int, ...]) -> Layer:
    parameters = sum(values.numel() for values in module.parameters())
    statistics = 0
    elements = 1
    for side in output_shape:
        elements *= side
    int8_bytes = _FLOAT_BYTES * parameters
    match module:
        case nn.Conv2d() | nn.Linear():
            weights, channels = module.weight.numel(), module.weight.shape[0]
            multiply_adds = elements * weights // channels
            int8_bytes = weights + _INT8_CHANNEL_BYTES * channels
        case nn.BatchNorm1d() | nn.BatchNorm2d():
            statistics = 2 * module.num_features
            int8_bytes += _FLOAT_BYTES * statistics
            multiply_adds = elements
        case nn.PReLU() | nn.LeakyReLU():
            multiply_adds = elements
        case nn.ReLU() | nn.Dropout():
            multiply_adds = 0
        case _:
            raise ValueError(f"{name}: {type(module).__name__} cannot be counted")
    return Layer(
        name=name,
        kind=_kind(module),
        output_shape=output_shape,
        parameters=parameters,
        statistics=statistics,
        multiply_adds=multiply_adds,
        int8_bytes=int8_bytes,
    )


def _kind(module: nn.Module) -> str:
    match module:
        case nn.Conv2d():
            height, width = module.kernel_size
            word = "depthwise" if module.groups == module.in_channels > 1 else "conv"
            stride = f" /{module.stride[0]}" if module.stride[0] > 1 else ""
            return f"{word} {height}×{width}{stride}"
        case nn.Linear():
            return "fully connected"
        case nn.BatchNorm1d() | nn.BatchNorm2d():
            return "batch norm"
        case _:
            return type(module).__name__
