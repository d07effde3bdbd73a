"""Start a student as a copy of its teacher and lead its PReLUs, step by step, to its own.

The other way to begin besides models.training.reconstruct: nothing is lost at first, and the slopes
take the network with them. The negative side of each channel goes linearly from the teacher's slope
to the layer's final one, after which the network is what its settings say.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as nnf

from models.networks.mobilefacenet import MobileFaceNet, NetworkSettings


class AnnealedActivation(nn.Module):
    """max(x, 0) + slope · min(x, 0) with a slope a channel that is set from outside, not learnt."""

    slope: Tensor

    def __init__(self, start: Tensor, *, end: float) -> None:
        """start: the teacher's slopes (C); end: the student's."""
        super().__init__()
        self.register_buffer("slope", start.clone().reshape(-1, 1, 1), persistent=False)
        self._start, self._end = self.slope.clone(), end

    def move(self, done: float) -> None:
        """done: 0, where the teacher is, to 1, where the student is to be."""
        self.slope.copy_(torch.lerp(self._start, torch.full_like(self._start, self._end), done))

    def forward(self, x: Tensor) -> Tensor:
        return nnf.relu(x) - self.slope * nnf.relu(-x)


class Annealing:
    """Leads the slopes of a network from its teacher's to those of its settings."""

    def __init__(self, teacher: MobileFaceNet, *, share: float) -> None:
        """share: of the schedule, above 0, after which the student's slopes are reached."""
        self._share = share
        self._starts = [
            unit.activation.weight.detach().clone()
            for unit in teacher.units()
            if isinstance(unit.activation, nn.PReLU)
        ]
        self._moving: list[AnnealedActivation] = []

    def attach(self, network: MobileFaceNet) -> None:
        """Put moving activations into the network. Raises ValueError if it is not the teacher's."""
        units = [unit for unit in network.units() if not isinstance(unit.activation, nn.Identity)]
        sizes = [unit.shape.out_channels for unit in units]
        if sizes != [len(start) for start in self._starts]:
            raise ValueError("the network does not have its teacher's activations")
        slopes = network.settings.slopes or (0.0,) * len(units)
        self._moving = [
            AnnealedActivation(start, end=end)
            for start, end in zip(self._starts, slopes, strict=True)
        ]
        for unit, activation in zip(units, self._moving, strict=True):
            unit.activation = activation

    def move(self, progress: float) -> None:
        """progress: of the whole schedule, 0 … 1."""
        for activation in self._moving:
            activation.move(min(progress / self._share, 1.0))


def copy_of(teacher: MobileFaceNet, settings: NetworkSettings) -> MobileFaceNet:
    """A network of these settings with its teacher's weights.

    The global depthwise kernel, wider in the teacher, is interpolated to the student's columns.
    Raises ValueError if the two do not have the same channels.
    """
    network = MobileFaceNet(settings)
    pairs = zip(network.units(), teacher.units(), strict=True)
    with torch.no_grad():
        for unit, model in pairs:
            weight, bias = model.conv.weight, model.conv.bias
            height, width = unit.shape.kernel_hw
            if model.shape.kernel_hw != (height, width):
                scale = model.shape.kernel_hw[0] * model.shape.kernel_hw[1] / (height * width)
                weight = scale * nnf.interpolate(
                    weight, size=(height, width), mode="bilinear", align_corners=True
                )
            if weight.shape != unit.conv.weight.shape or bias is None or unit.conv.bias is None:
                raise ValueError("the student does not have its teacher's channels")
            unit.conv.weight.copy_(weight)
            unit.conv.bias.copy_(bias)
    return network
