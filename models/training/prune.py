"""Start a narrower or shallower network from a trained one of the same family.

Channels that carry little are left out (the deviation of a channel's values times the length of the
weights that read it), blocks are left out from the middle of a row of equal ones, and each
convolution that reads what changed is refitted by least squares to what the wide network has there.
Needs forward passes only; training has to do the rest.
"""

import dataclasses
import logging
from collections.abc import Sequence

import torch
from torch import Tensor

from models.networks.mobilefacenet import (
    Bottleneck,
    BottleneckTable,
    ConvUnit,
    MobileFaceNet,
    NetworkSettings,
)
from models.training.reconstruct import bias_of, chunked, refit_dense

_LOG = logging.getLogger(__name__)


def prune(wide: MobileFaceNet, settings: NetworkSettings, crops: Tensor) -> MobileFaceNet:
    """A network of the given settings that follows `wide` as closely as least squares can.

    crops: float32 (N, 3, H, W) as both networks take them. The slopes are those of the kept
    activations; both networks need norm `none`. Raises ValueError if the tables do not have the
    same rows, or if something would have to grow.
    """
    blocks = wide.bottlenecks()
    kept_places = _kept_places(settings.table, wide.settings.table)
    ends = ends_of_blocks(settings.table, wide.settings.table)
    slopes = _slopes(wide, kept_places)
    network = MobileFaceNet(_with_slopes(settings, slopes)).eval()
    with torch.inference_mode():
        theirs = chunked(lambda x: wide.stem_depthwise(wide.stem(x)), crops)
        first = wide.bottlenecks()[0].expand.conv.weight
        kept = _most_used(theirs, first, settings.stem_channels)
        _copy(network.stem, wide.stem, kept)
        _copy(network.stem_depthwise, wide.stem_depthwise, kept)
        ours = chunked(lambda x: network.stem_depthwise(network.stem(x)), crops)
        start = 0
        for block, place, end in zip(network.bottlenecks(), kept_places, ends, strict=True):
            before = _through(blocks[start:place], theirs)
            theirs = _through(blocks[place : end + 1], before)
            start = end + 1
            ours = _fit_block(block, blocks[place], ours, before, theirs)
            left = (ours - theirs).square().mean() / theirs.var()
            _LOG.info("bottleneck %d: unexplained %.3f", place, float(left))
        everything = torch.arange(wide.head_expand.conv.weight.shape[0])
        _copy(network.head_expand, wide.head_expand, everything)
        refit_dense(network.head_expand, ours, chunked(wide.head_expand.linear, theirs), None)
        _copy(network.head_depthwise, wide.head_depthwise, everything)
        _copy(network.head_project, wide.head_project, torch.arange(settings.embedding_size))
    return network


def _fit_block(
    block: Bottleneck, model: Bottleneck, ours: Tensor, before: Tensor, after: Tensor
) -> Tensor:
    """Fit a block to take `ours` for `before` and give `after`; returns what it gives."""
    used = chunked(lambda x: model.depthwise(model.expand(x)), before)
    kept = _most_used(used, model.project.conv.weight, block.expand.shape.out_channels)
    _copy(block.expand, model.expand, kept, ours.shape[1])
    refit_dense(block.expand, ours, chunked(model.expand.linear, before)[:, kept], None)
    _copy(block.depthwise, model.depthwise, kept)
    hidden = chunked(lambda x: block.depthwise(block.expand(x)), ours)
    with torch.no_grad():
        block.project.conv.weight.copy_(model.project.conv.weight[:, kept])
        bias_of(block.project).copy_(bias_of(model.project))
    refit_dense(block.project, hidden, after, ours if block.residual else None)
    return chunked(block, ours)


def ends_of_blocks(table: BottleneckTable, wide_table: BottleneckTable) -> tuple[int, ...]:
    """For each block of a network, the wide network's block whose output it follows.

    Raises ValueError if the tables do not have the same rows, or if something would have to grow.
    """
    _, *later = _kept_places(table, wide_table)
    return (*(place - 1 for place in later), sum(row[2] for row in wide_table) - 1)


def _kept_places(table: BottleneckTable, wide_table: BottleneckTable) -> list[int]:
    """The wide network's blocks that stay: of each row the first and the last ones."""
    if len(table) != len(wide_table):
        raise ValueError("the tables must have the same number of rows")
    places, start = [], 0
    for (t, c, n, s), (wide_t, wide_c, wide_n, wide_s) in zip(table, wide_table, strict=True):
        if t > wide_t or n > wide_n or (c, s) != (wide_c, wide_s):
            raise ValueError(
                f"a row {(t, c, n, s)} does not fit {(wide_t, wide_c, wide_n, wide_s)}"
            )
        places += [start, *range(start + wide_n - n + 1, start + wide_n)]
        start += wide_n
    return places


def _slopes(wide: MobileFaceNet, kept: Sequence[int]) -> tuple[float, ...]:
    if not wide.settings.slopes:
        return ()
    slopes = wide.settings.slopes
    middle = [slope for place in kept for slope in slopes[2 + 2 * place : 4 + 2 * place]]
    return (*slopes[:2], *middle, slopes[-1])


def _with_slopes(settings: NetworkSettings, slopes: tuple[float, ...]) -> NetworkSettings:
    activation = "leaky-relu" if any(slopes) else settings.activation
    return dataclasses.replace(settings, activation=activation, norm="none", slopes=slopes)


def _through(blocks: Sequence[Bottleneck], x: Tensor) -> Tensor:
    for block in blocks:
        x = chunked(block, x)
    return x


def _most_used(values: Tensor, readers: Tensor, count: int) -> Tensor:
    """The channels that carry most, in their old order."""
    if count > values.shape[1]:
        raise ValueError(f"{count} channels cannot be chosen from {values.shape[1]}")
    carried = values.std((0, 2, 3)) * readers.flatten(1).norm(dim=0)
    return carried.topk(count).indices.sort().values


def _copy(unit: ConvUnit, model: ConvUnit, kept: Tensor, inputs: int | None = None) -> None:
    """Copy the kept output channels, of the first input channels where there are fewer."""
    weight = model.conv.weight[kept]
    unit.conv.weight.copy_(weight if inputs is None else weight[:, :inputs])
    bias_of(unit).copy_(bias_of(model)[kept])
