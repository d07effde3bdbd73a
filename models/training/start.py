"""The network a run begins with: given weights, a fit to the teacher, or random numbers."""

import dataclasses
import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from attendance.errors import ConfigError, ModelError
from models.crops import network_input
from models.networks.ir_resnet import IrResNet, IrResNetSettings
from models.networks.mobilefacenet import (
    TABLES,
    BottleneckTable,
    MobileFaceNet,
    NetworkSettings,
    middle_columns,
)
from models.training.annealing import copy_of
from models.training.checkpoint import IR_RESNET, FaceNetwork, read_any_network, read_network
from models.training.config import NetworkTable, TrainingConfig
from models.training.data import CropStore
from models.training.prune import ends_of_blocks, prune
from models.training.reconstruct import ALL_SLOPES, reconstruct

_LOG = logging.getLogger(__name__)
_FIRST_LATE_ACTIVATION = 13
"""The depthwise activation of bottleneck 5, the first on a 14 × 12 map."""
_PLAIN = (0.0,)


def build_network(
    config: TrainingConfig, store: CropStore, teacher: MobileFaceNet | None
) -> FaceNetwork:
    """Raises ModelError if the given weights belong to a network with another [network] table."""
    table = config.network
    if table.name == IR_RESNET:
        return _large(config)
    stem_channels, bottlenecks = TABLES[table.table]
    shape: dict[str, Any] = {"stem_channels": stem_channels, "table": bottlenecks}
    settings = NetworkSettings(
        embedding_size=table.embedding_size, activation=table.activation, norm=table.norm, **shape
    )
    if config.start.checkpoint:
        path = config.base_dir / config.start.checkpoint
        network = read_network(path)
        found = network.settings
        activation = "leaky-relu" if table.late_leaky else table.activation
        wanted = (activation, table.norm, table.embedding_size)
        if (found.activation, found.norm, found.embedding_size) != wanted:
            raise _another(path, network)
        if (found.stem_channels, found.table) == (settings.stem_channels, settings.table):
            return network
        return _pruned(config, store, network, dataclasses.replace(found, **shape))
    if config.start.anneal and teacher is not None:
        return _annealed(config, teacher, settings)
    network = MobileFaceNet(settings)
    if teacher is None or config.start.crops == 0:
        return network
    return _fitted(config, store, teacher, network)


def _annealed(
    config: TrainingConfig, teacher: MobileFaceNet, settings: NetworkSettings
) -> MobileFaceNet:
    """A copy of the teacher; a late leaky layer's slope is to be the mean of the teacher's."""
    learnt = [
        float(unit.activation.weight.detach().mean())
        for unit in teacher.units()
        if isinstance(unit.activation, nn.PReLU)
    ]
    slopes = [
        slope if len(choices) > 1 else 0.0
        for slope, choices in zip(learnt, _choices(config.network, len(learnt)), strict=True)
    ]
    if any(slopes):
        settings = dataclasses.replace(settings, activation="leaky-relu", slopes=tuple(slopes))
    return copy_of(teacher, settings)


def _large(config: TrainingConfig) -> IrResNet:
    network = IrResNet(IrResNetSettings(embedding_size=config.network.embedding_size))
    if not config.start.checkpoint:
        return network
    path = config.base_dir / config.start.checkpoint
    given = read_any_network(path)
    if not isinstance(given, IrResNet) or given.settings != network.settings:
        raise ModelError(
            f"{path} holds another network than an {IR_RESNET} with "
            f"{config.network.embedding_size}-d embeddings.",
            action="Give weights made with the same [network] table.",
        )
    return given


def followers(config: TrainingConfig, teacher_table: BottleneckTable) -> tuple[int, ...]:
    """The network's bottlenecks that follow the teacher's tapped ones.

    Raises ConfigError if a tapped one has no counterpart.
    """
    if config.distill is None or not config.distill.taps:
        return ()
    _, table = TABLES[config.network.table]
    try:
        ends = ends_of_blocks(table, teacher_table)
        return tuple(ends.index(tap) for tap in config.distill.taps)
    except ValueError as error:
        raise ConfigError(
            f"[distill] taps {list(config.distill.taps)} do not all have a counterpart in the "
            f"{config.network.table} network.",
            action="Leave out those inside a row of which it has fewer bottlenecks.",
        ) from error


def _pruned(
    config: TrainingConfig, store: CropStore, wide: MobileFaceNet, settings: NetworkSettings
) -> MobileFaceNet:
    path = config.base_dir / config.start.checkpoint
    _LOG.info("pruning %s on %d crops", path.name, config.start.crops)
    places = np.flatnonzero(~store.held_out)
    order = np.random.default_rng([config.run.seed, 3]).permutation(places)
    wide_inputs = network_input(np.asarray(store.crops[np.sort(order[: config.start.crops])]))
    try:
        crops = middle_columns(torch.from_numpy(wide_inputs), settings.input_hw[1]).contiguous()
        return prune(wide, settings, crops)
    except ValueError as error:
        raise _another(path, wide, f": {error}") from error


def _another(path: Path, network: MobileFaceNet, reason: str = "") -> ModelError:
    found = network.settings
    return ModelError(
        f"{path} holds another network ({found.activation}, norm {found.norm}, "
        f"{found.embedding_size}-d, {len(network.blocks)} bottlenecks){reason}.",
        action="Give weights made with the same [network] table, or a wider one.",
    )


def _fitted(
    config: TrainingConfig, store: CropStore, teacher: MobileFaceNet, network: MobileFaceNet
) -> MobileFaceNet:
    places = np.flatnonzero(~store.held_out)
    order = np.random.default_rng([config.run.seed, 3]).permutation(places)
    body, head = config.start.crops, config.start.head_crops
    _LOG.info("fitting the student to the teacher on %d and %d crops", body, head)

    def crops(rows: np.ndarray) -> Tensor:  # type: ignore[type-arg]
        return torch.from_numpy(network_input(np.asarray(store.crops[np.sort(rows)])))

    slopes = reconstruct(
        network,
        teacher,
        crops(order[:body]),
        head_crops=crops(order[:head]),
        slopes=_choices(config.network, network.settings.activation_count),
    )
    started = MobileFaceNet(
        NetworkSettings(
            embedding_size=config.network.embedding_size,
            activation="leaky-relu" if any(slopes) else "relu",
            norm="none",
            slopes=slopes,
        )
    )
    started.load_state_dict(network.state_dict())
    return started


def _choices(table: NetworkTable, count: int) -> list[tuple[float, ...]]:
    """The slopes each activation may take; odd places are those after a depthwise convolution."""

    def late(place: int) -> bool:
        return table.late_leaky and place % 2 == 1 and place >= _FIRST_LATE_ACTIVATION

    return [ALL_SLOPES if late(place) else _PLAIN for place in range(count)]
