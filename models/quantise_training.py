"""Quantisation-aware fine-tuning: a network learns to live with its own rounding.

The forward pass rounds weights and activations exactly as the 8-bit file does; the backward pass
takes the rounding for the identity, and stops where a value was clipped (straight-through
estimator: Bengio et al. 2013, arXiv 1308.3432; Jacob et al. 2018, arXiv 1712.05877). The target is
the float32 network's own embedding of the same crop, so no label is needed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as nnf

from models.crops import network_input
from models.errors import BuildError
from models.graph import Graph
from models.networks.fold import fold_norms
from models.networks.mobilefacenet import ConvUnit, MobileFaceNet
from models.networks.to_graph import to_graph
from models.quantise import PAIR_LIMIT, Scale
from models.range_methods import Range
from models.rewrite import weight_f64
from models.training.objective import cosine_distance, similarity_distance

BATCH = 32
LEARNING_RATE = 3e-5
SIMILARITY_WEIGHT = 10.0
_WARM_UP = 0.1
_CLIP_NORM = 1.0


@dataclass(frozen=True, slots=True)
class Tuning:
    """How long to fine-tune, and with how many threads."""

    steps: int
    threads: int
    learning_rate: float = LEARNING_RATE
    seed: int = 1


def tune(
    network: MobileFaceNet,
    graph: Graph,
    ranges: Mapping[str, Range],
    crops_bgr: NDArray[np.uint8],
    tuning: Tuning,
) -> Graph:
    """The graph with weights fine-tuned for these ranges, in the form it came in.

    network: the float32 network, whose embeddings are the target; it is not changed. graph: the
    same function, perhaps equalised, as `equalised_graph` gives it; ranges: by tensor. crops_bgr:
    training crops uint8 (N, 112, 96, 3). Raises BuildError for a network with PReLUs, which are
    quantised in another form.
    """
    torch.set_num_threads(tuning.threads)
    torch.manual_seed(tuning.seed)
    network.eval()
    student = with_weights(network, graph)
    optimiser = torch.optim.Adam(student.parameters(), lr=tuning.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: _rate(step, steps=tuning.steps)
    )
    for inputs in _batches(crops_bgr, tuning):
        with torch.no_grad():
            targets = nnf.normalize(network(inputs))
        made = rounded_forward(student, inputs, ranges)
        loss = cosine_distance(made, targets)
        loss = loss + SIMILARITY_WEIGHT * similarity_distance(made, targets)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(student.parameters(), _CLIP_NORM)
        optimiser.step()
        schedule.step()
    return to_graph(student.eval())


def with_weights(network: MobileFaceNet, graph: Graph) -> MobileFaceNet:
    """A network of the same form with a graph's convolutions, norms folded.

    Raises BuildError if the graph has another number of convolutions, as one with PReLUs has.
    """
    result = fold_norms(network)
    convs = [node for node in graph.nodes if node.op == "Conv"]
    units = result.units()
    if len(convs) != len(units):
        raise BuildError(
            f"The quantised form has {len(convs)} convolutions and the network {len(units)}: one "
            "with PReLUs cannot be fine-tuned.",
            action="Leave it as it is with --tune never.",
        )
    with torch.no_grad():
        for unit, conv in zip(units, convs, strict=True):
            weight, bias = (weight_f64(graph, name) for name in conv.inputs[1:3])
            unit.conv.weight.copy_(torch.from_numpy(weight))
            if unit.conv.bias is not None:
                unit.conv.bias.copy_(torch.from_numpy(bias))
    return result


def rounded_forward(network: MobileFaceNet, inputs: Tensor, ranges: Mapping[str, Range]) -> Tensor:
    """The embeddings (N, E), raw length, as the 8-bit file computes them.

    network: norms folded. inputs: float32 (N, 3, H, W). ranges: by tensor of its graph.
    """
    walk = _Walk(ranges)
    x = round_tensor(inputs, (-127.5 / 128, 127.5 / 128))
    x = walk.unit(network.stem, x)
    x = walk.unit(network.stem_depthwise, x)
    for block in network.bottlenecks():
        y = walk.unit(block.project, walk.unit(block.depthwise, walk.unit(block.expand, x)))
        x = walk.sum(x, y) if block.residual else y
    x = walk.unit(network.head_depthwise, walk.unit(network.head_expand, x))
    return walk.linear(network.head_project, x).flatten(1)


def round_tensor(x: Tensor, span: Range) -> Tensor:
    """x on the 256 steps that cover a range; its gradient is 1 inside and 0 outside."""
    scale = Scale.covering(*span)
    step, zero = float(scale.step), int(scale.zero)
    inside = x.clamp(-zero * step, (255 - zero) * step)
    return inside + (torch.round(inside / step) * step - inside).detach()


def round_weight(weight: Tensor, *, depthwise: bool) -> Tensor:
    """A kernel on the int8 steps of `models.quantise.quantise_weight`; its gradient is 1."""
    rows = weight.detach().flatten(1)
    step = rows.abs().amax(1) / 127
    if not depthwise and rows.shape[1] > 1:
        if tuple(weight.shape[2:]) == (1, 1):
            left, right = rows[:, :-1], rows[:, 1:]
            pairs = torch.where(left.sign() == right.sign(), (left + right).abs(), 0).amax(1)
        else:
            ordered = rows.sort(1).values
            low, high = ordered[:, 0] + ordered[:, 1], ordered[:, -1] + ordered[:, -2]
            pairs = torch.maximum(high, -low)
        step = torch.maximum(step, pairs / (PAIR_LIMIT - 1))
    steps = step.clamp_min(1e-12).view(-1, 1, 1, 1)
    values = (weight.detach() / steps).round().clamp(-127, 127) * steps
    return weight + (values - weight.detach())


class _Walk:
    """Runs units one after the other and names their tensors as `to_graph` does."""

    def __init__(self, ranges: Mapping[str, Range]) -> None:
        self._ranges = ranges
        self._count = 0
        self._last = ""

    def linear(self, unit: ConvUnit, x: Tensor) -> Tensor:
        shape = unit.shape
        weight = round_weight(unit.conv.weight, depthwise=shape.depthwise)
        groups = shape.in_channels if shape.depthwise else 1
        padded = nnf.pad(x, shape.padding_lrtb)
        return nnf.conv2d(padded, weight, unit.conv.bias, stride=shape.stride, groups=groups)

    def unit(self, unit: ConvUnit, x: Tensor) -> Tensor:
        name = f"u{self._count:02d}"
        self._count += 1
        y = self.linear(unit, x)
        match unit.activation:
            case nn.ReLU():
                self._last = name
                return round_tensor(nnf.relu(y), self._ranges[name])
            case nn.LeakyReLU(negative_slope=slope):
                self._last = name
                y = round_tensor(y, self._ranges[f"{name}_conv"])
                return round_tensor(nnf.leaky_relu(y, slope), self._ranges[name])
            case nn.Identity():
                self._last = f"{name}_conv"
                return round_tensor(y, self._ranges[self._last])
            case other:
                raise BuildError(f"{type(other).__name__} cannot be fine-tuned for 8 bits.")

    def sum(self, x: Tensor, y: Tensor) -> Tensor:
        return round_tensor(x + y, self._ranges[f"{self._last}_sum"])


def _rate(step: int, *, steps: int) -> float:
    """Linear warm-up, then a cosine to zero."""
    warm = max(1, round(_WARM_UP * steps))
    if step < warm:
        return (step + 1) / warm
    return float(0.5 * (1 + np.cos(np.pi * (step - warm) / max(1, steps - warm))))


def _batches(crops_bgr: NDArray[np.uint8], tuning: Tuning) -> Iterator[Tensor]:
    """So many batches of crops, every other crop mirrored, always in the same order."""
    random = np.random.default_rng(tuning.seed)
    for _ in range(tuning.steps):
        rows = random.integers(0, len(crops_bgr), BATCH)
        crops = np.asarray(crops_bgr[rows])
        turned = random.random(BATCH) < 0.5
        crops[turned] = crops[turned][:, :, ::-1]
        yield torch.from_numpy(network_input(crops)).contiguous(memory_format=torch.channels_last)
