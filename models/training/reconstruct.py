"""Start a student from a teacher with other activations: layer by layer, by least squares.

The teacher's PReLU slopes lie all over [−1, 1], so copying its weights under a ReLU gives little.
Here each student activation takes, channel by channel, the sign, threshold and scale with which it
follows the teacher's best, and each convolution is then refitted to the teacher's output before
its activation, given what really reaches it in the student: later layers correct the earlier ones.
Needs forward passes only, a few minutes where training would need an hour.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as nnf

from models.networks.mobilefacenet import ConvUnit, MobileFaceNet, middle_columns

_LOG = logging.getLogger(__name__)
_CHUNK = 128
_SAMPLES_A_CHANNEL = 4096
_ROWS = 60_000
_RIDGE = 1e-3
_QUANTILES = (0.02, 0.15, 0.3, 0.5, 0.7)
ALL_SLOPES = (-1.0, -0.8, -0.6, -0.4, -0.2, 0.0, 0.25)


@dataclass(frozen=True, slots=True)
class ActivationFit:
    """How a student activation follows the teacher's: teacher ≈ gain · student + offset."""

    slope: float
    sign: Tensor
    threshold: Tensor
    scale: Tensor
    gain: Tensor
    offset: Tensor
    error: float
    """Mean over the channels of the unexplained part of the variance."""


def reconstruct(
    student: MobileFaceNet,
    teacher: MobileFaceNet,
    crops: Tensor,
    *,
    head_crops: Tensor,
    slopes: Sequence[Sequence[float]],
) -> tuple[float, ...]:
    """Fit the student to the teacher and return the slope taken for each activation.

    crops: float32 (N, 3, 112, 112), what the teacher takes; the student sees its middle columns.
    head_crops: the same for the head, which has one position a crop and so needs more of them
        than it has channels (512).
    slopes: for each activation in order, the slopes to choose from (`(0.0,)` is a plain ReLU).
    The student needs norm `none`. Raises ValueError if the two do not have the same units.
    """
    walk = _Walk(slopes)
    with torch.inference_mode():
        narrow = middle_columns(crops, student.settings.input_hw[1])
        x = walk.unit(student.stem, teacher.stem, _Streams(narrow, crops))
        x = walk.unit(student.stem_depthwise, teacher.stem_depthwise, x)
        pairs = zip(student.bottlenecks(), teacher.bottlenecks(), strict=True)
        for index, (block, model) in enumerate(pairs):
            y = walk.unit(block.expand, model.expand, x)
            y = walk.unit(block.depthwise, model.depthwise, y)
            x = walk.project(block.project, model.project, y, x if block.residual else None)
            _LOG.info("bottleneck %d: unexplained %.3f", index, x.unexplained())
        x = _Streams(
            chunked(_last_bottleneck(student), middle_columns(head_crops, narrow.shape[3])),
            chunked(_last_bottleneck(teacher), head_crops),
        )
        x = walk.unit(student.head_expand, teacher.head_expand, x)
        x = walk.project(student.head_depthwise, teacher.head_depthwise, x, None)
        x = walk.project(student.head_project, teacher.head_project, x, None)
        cosine = nnf.cosine_similarity(x.student.flatten(1), x.teacher.flatten(1)).mean()
        _LOG.info("embeddings: mean cosine %.4f on the crops of the fit", float(cosine))
    return tuple(walk.taken)


@dataclass(slots=True)
class _Streams:
    """The same feature map in both networks; teacher ≈ gain · student + offset, a channel each."""

    student: Tensor
    teacher: Tensor
    gain: Tensor | None = None
    offset: Tensor | None = None

    def unexplained(self) -> float:
        """Squared difference over the teacher's variance."""
        target = middle_columns(self.teacher, self.student.shape[3])
        centred = target - target.mean((0, 2, 3), keepdim=True)
        return float((self.student - target).square().mean() / centred.square().mean())


class _Walk:
    """One pass through both networks, unit by unit."""

    def __init__(self, slopes: Sequence[Sequence[float]]) -> None:
        self._slopes = list(slopes)
        self.taken: list[float] = []

    def unit(self, unit: ConvUnit, model: ConvUnit, x: _Streams) -> _Streams:
        """Fit a convolution and its activation; gives the streams after the activation."""
        teacher_linear = chunked(model.linear, x.teacher)
        _fit_convolution(unit, model, x, teacher_linear, residual=None)
        linear = chunked(unit.linear, x.student)
        target = chunked(model.activation, teacher_linear)
        fit = fit_activation(
            _a_sample(linear),
            _a_sample(middle_columns(target, linear.shape[3])),
            slopes=self._slopes.pop(0),
        )
        self.taken.append(fit.slope)
        factor = fit.sign / fit.scale
        unit.conv.weight.mul_(factor[:, None, None, None])
        bias = bias_of(unit)
        bias.copy_(bias * factor - fit.threshold / fit.scale)
        unit.activation = nn.LeakyReLU(fit.slope) if fit.slope else nn.ReLU(inplace=True)
        student = chunked(unit, x.student)
        return _Streams(student, target, fit.gain, fit.offset)

    def project(
        self, unit: ConvUnit, model: ConvUnit, y: _Streams, residual: _Streams | None
    ) -> _Streams:
        """Fit a convolution without activation; the residual is added to its output."""
        target = chunked(model.linear, y.teacher)
        if residual is not None:
            target += residual.teacher
        _fit_convolution(
            unit, model, y, target, residual=residual.student if residual is not None else None
        )
        student = chunked(unit.linear, y.student)
        if residual is not None:
            student += residual.student
        return _Streams(student, target)


def fit_activation(linear: Tensor, target: Tensor, *, slopes: Sequence[float]) -> ActivationFit:
    """The leaky ReLU of one slope whose channels follow the target's best.

    linear: (channels, samples) before the student's activation; target: the same after the
    teacher's. Minimises, over slopes for the layer and over signs and thresholds for each
    channel, the variance of target − gain · leaky((sign · linear − threshold) / scale) − offset.
    """
    best: ActivationFit | None = None
    for slope in slopes:
        fit = _fit_with_slope(linear, target, slope)
        if best is None or fit.error < best.error:
            best = fit
    if best is None:
        raise ValueError("no slope to choose from")
    return best


def _fit_with_slope(linear: Tensor, target: Tensor, slope: float) -> ActivationFit:
    channels = linear.shape[0]
    error = torch.full((channels,), torch.inf)
    sign, threshold = torch.ones(channels), torch.zeros(channels)
    scale, gain, offset = torch.ones(channels), torch.zeros(channels), torch.zeros(channels)
    target_mean = target.mean(1)
    target_variance = target.var(1).clamp_min(1e-12)
    for direction in (1.0, -1.0):
        z = linear * direction
        quantiles = torch.from_numpy(np.quantile(z.numpy(), _QUANTILES, axis=1)).float()
        for at in (torch.zeros(channels), *quantiles):
            follower = nnf.leaky_relu(z - at[:, None], slope)
            mean, variance = follower.mean(1), follower.var(1)
            covariance = ((follower - mean[:, None]) * target).mean(1)
            slope_of_fit = covariance / variance.clamp_min(1e-12)
            left = 1 - slope_of_fit * covariance / target_variance
            left = torch.where(variance > 1e-8, left, torch.inf)
            better = left < error - 1e-3
            deviation = variance.clamp_min(1e-12).sqrt()
            error = torch.where(better, left, error)
            sign = torch.where(better, direction, sign)
            threshold = torch.where(better, at, threshold)
            scale = torch.where(better, deviation, scale)
            gain = torch.where(better, slope_of_fit * deviation, gain)
            offset = torch.where(better, target_mean - slope_of_fit * mean, offset)
    return ActivationFit(
        slope, sign, threshold, scale, gain, offset, float(error.clamp_max(1).mean())
    )


def _fit_convolution(
    unit: ConvUnit, model: ConvUnit, x: _Streams, target: Tensor, *, residual: Tensor | None
) -> None:
    """Least squares for weight and bias, with a ridge towards the teacher's own weight."""
    prior = model.conv.weight[..., : unit.conv.weight.shape[3]].clone()
    bias = bias_of(model).clone()
    if x.gain is not None and x.offset is not None:
        shape = (-1, 1, 1, 1) if unit.shape.depthwise else (1, -1, 1, 1)
        bias += (model.conv.weight * x.offset.reshape(shape)).sum((1, 2, 3))
        prior *= x.gain.reshape(shape)
    unit.conv.weight.copy_(prior)
    bias_of(unit).copy_(bias)
    if unit.shape.depthwise:
        _refit_depthwise(unit, x.student, target)
    else:
        refit_dense(unit, x.student, target, residual)


def refit_dense(unit: ConvUnit, x: Tensor, target: Tensor, residual: Tensor | None) -> None:
    prior = torch.cat([unit.conv.weight.flatten(1), bias_of(unit)[:, None]], 1).double()
    size = prior.shape[1]
    gram = torch.zeros(size, size, dtype=torch.float64)
    cross = torch.zeros(size, prior.shape[0], dtype=torch.float64)
    positions = target.shape[2] * unit_width(unit, x)
    keep = max(1, min(positions, _ROWS // len(x)))
    generator = torch.Generator().manual_seed(0)
    for start in range(0, len(x), _CHUNK):
        part = slice(start, start + _CHUNK)
        chosen = torch.randperm(positions, generator=generator)[:keep]
        wanted = middle_columns(target[part], unit_width(unit, x))
        if residual is not None:
            wanted = wanted - residual[part]
        rows = _patches(unit, x[part], chosen).transpose(1, 2).reshape(-1, size - 1).double()
        rows = torch.cat([rows, torch.ones(len(rows), 1, dtype=torch.float64)], 1)
        values = wanted.flatten(2)[:, :, chosen].transpose(1, 2).reshape(len(rows), -1).double()
        gram += rows.T @ rows
        cross += rows.T @ values
    gram, cross = _with_ridge(gram, cross, prior.T)
    solution = torch.linalg.solve(gram, cross).T
    unit.conv.weight.copy_(solution[:, :-1].reshape(unit.conv.weight.shape))
    bias_of(unit).copy_(solution[:, -1])


def _refit_depthwise(unit: ConvUnit, x: Tensor, target: Tensor) -> None:
    channels = x.shape[1]
    prior = torch.cat([unit.conv.weight.flatten(1), bias_of(unit)[:, None]], 1).double()
    size = prior.shape[1]
    gram = torch.zeros(channels, size, size, dtype=torch.float64)
    cross = torch.zeros(channels, size, 1, dtype=torch.float64)
    positions = target.shape[2] * unit_width(unit, x)
    keep = max(1, min(positions, _ROWS // 4 // len(x)))
    generator = torch.Generator().manual_seed(0)
    for start in range(0, len(x), _CHUNK):
        part = slice(start, start + _CHUNK)
        chosen = torch.randperm(positions, generator=generator)[:keep]
        rows = _patches(unit, x[part], chosen)
        rows = rows.reshape(len(rows), channels, size - 1, -1).permute(1, 0, 3, 2)
        rows = rows.reshape(channels, -1, size - 1)
        rows = torch.cat([rows, torch.ones(channels, rows.shape[1], 1)], 2)
        wanted = middle_columns(target[part], unit_width(unit, x)).flatten(2)[:, :, chosen]
        values = wanted.transpose(0, 1).reshape(channels, -1, 1)
        gram += (rows.transpose(1, 2) @ rows).double()
        cross += (rows.transpose(1, 2) @ values).double()
    gram, cross = _with_ridge(gram, cross, prior[:, :, None])
    solution = torch.linalg.solve(gram, cross)[:, :, 0]
    unit.conv.weight.copy_(solution[:, :-1].reshape(unit.conv.weight.shape))
    bias_of(unit).copy_(solution[:, -1])


def _with_ridge(gram: Tensor, cross: Tensor, prior: Tensor) -> tuple[Tensor, Tensor]:
    level = gram.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None, None] * _RIDGE
    level = level.clamp_min(1e-9)
    return gram + level * torch.eye(gram.shape[-1], dtype=gram.dtype), cross + level * prior


def _patches(unit: ConvUnit, x: Tensor, positions: Tensor) -> Tensor:
    """(N, C · kernel, positions) of what a convolution's window sees at these positions."""
    kernel_h, kernel_w = unit.shape.kernel_hw
    if (kernel_h, kernel_w) == (1, 1):
        return x.flatten(2)[:, :, positions]
    stride = unit.shape.stride
    padded = nnf.pad(x, unit.shape.padding_lrtb)
    windows = padded.unfold(2, kernel_h, stride).unfold(3, kernel_w, stride)
    columns = windows.shape[3]
    chosen = windows[:, :, positions // columns, positions % columns]
    return chosen.flatten(3).transpose(2, 3).flatten(1, 2)


def unit_width(unit: ConvUnit, x: Tensor) -> int:
    """Columns of a unit's output for this input."""
    left, right, _, _ = unit.shape.padding_lrtb
    return (x.shape[3] + left + right - unit.shape.kernel_hw[1]) // unit.shape.stride + 1


def bias_of(unit: ConvUnit) -> Tensor:
    """Raises ValueError if the unit has none."""
    if unit.conv.bias is None:
        raise ValueError("the networks must have biases instead of norms (norm = none)")
    return unit.conv.bias


def _a_sample(x: Tensor) -> Tensor:
    """(channels, about 4,096): the same places for maps of the same shape."""
    count, channels, height, width = x.shape
    total = count * height * width
    step = max(1, total // _SAMPLES_A_CHANNEL) | 1
    return x.permute(1, 0, 2, 3).reshape(channels, total)[:, ::step].contiguous()


def _last_bottleneck(network: MobileFaceNet) -> Callable[[Tensor], Tensor]:
    last = len(network.blocks) - 1
    return lambda crops: network.with_taps(crops, (last,))[1][last]


def chunked(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    return torch.cat([function(x[i : i + _CHUNK]) for i in range(0, len(x), _CHUNK)])
