"""Train the digit network with one loss, and keep what it makes of the unseen pictures."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as nnf

from attendance.types import FloatArray
from models.losses.arcface import ArcFace
from models.losses.base import LabelLoss
from models.losses.cosface import CosFace
from models.losses.factory import Setting, make_loss
from models.toy.data import Pictures, Split
from models.toy.network import DigitNetwork, embed

TOY_SETTINGS: dict[str, dict[str, Setting]] = {
    "softmax": {},
    "center": {"centre_weight": 1.0},
    "contrastive": {"margin": 0.8},
    "triplet": {"margin": 0.3, "mining": "semi-hard"},
    "a-softmax": {"margin": 4, "lambda_start": 100.0, "lambda_end": 2.0, "lambda_decay": 0.1},
    "cosface": {"scale": 8.0, "margin": 0.2},
    "arcface": {"scale": 8.0, "margin": 0.3},
}
"""Softer than for faces: seven classes share a circle, where 128 dimensions hold thousands. With a
scale of 16 instead of 8, ArcFace left classes crowded on one side with one seed of three."""

FRAMES = 32
_BATCH = 64
_LEARNING_RATE = 3e-3
_LOSS_LEARNING_RATE = 3e-2
"""Class vectors must travel round the circle while the network learns."""
_WEIGHT_DECAY = 1e-3
_MARGIN_GROWS = (0.3, 0.6)
"""From and to which share of the run ArcFace's and CosFace's margin grows, so that the classes find
their places on the circle first."""
_TURN_DEG, _SCALE, _SHIFT = 12.0, 0.1, 0.2


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to train: exactly one of the two."""

    epochs: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        given = [limit for limit in (self.epochs, self.seconds) if limit is not None]
        if len(given) != 1 or given[0] <= 0:
            raise ValueError("A budget is a number of epochs or of seconds, above 0.")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The embeddings at one moment of training.

    done: 0 … 1; unseen: (N, E) and strangers: (S, E), embeddings of those pictures of the split;
    class_vectors: (trained classes, E), or None where the loss keeps none.
    """

    done: float
    epoch: int
    unseen: FloatArray
    strangers: FloatArray
    class_vectors: FloatArray | None


@dataclass(frozen=True, slots=True)
class Run:
    """One loss, trained: what it saw, and the snapshots from the first to the last moment."""

    loss_name: str
    split: Split
    snapshots: tuple[Snapshot, ...]

    @property
    def last(self) -> Snapshot:
        return self.snapshots[-1]


def train(
    loss_name: str,
    split: Split,
    *,
    budget: Budget,
    seed: int,
    embedding_size: int = 2,
    frames: int = FRAMES,
    on_step: Callable[[float, float], None] | None = None,
    now_s: Callable[[], float] = time.monotonic,
) -> Run:
    """Train with one loss of TOY_SETTINGS; the same seed and epochs give the same run.

    frames: how many snapshots at most, the first and the last among them, 2 or more.
    on_step: told how much is done (0 … 1) and the batch's loss. PyTorch's own random state is left
    as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        hw = split.training.pictures.shape[1:]
        network = DigitNetwork((hw[0], hw[1]), embedding_size=embedding_size)
        loss = make_loss(
            loss_name,
            classes=len(split.trained),
            embedding_size=embedding_size,
            **TOY_SETTINGS[loss_name],
        )
    return _train(network, loss, _Task(loss_name, split, budget, seed, frames, on_step, now_s))


@dataclass(frozen=True, slots=True)
class _Task:
    loss_name: str
    split: Split
    budget: Budget
    seed: int
    frames: int
    on_step: Callable[[float, float], None] | None
    now_s: Callable[[], float]


def _train(network: DigitNetwork, loss: LabelLoss, task: _Task) -> Run:
    split = task.split
    inputs = _tensor(split.training)
    labels = torch.from_numpy(np.searchsorted(split.trained, split.training.digits))
    unseen, strangers = _tensor(split.unseen), _tensor(split.strangers)
    optimiser = torch.optim.AdamW(
        [
            {"params": list(network.parameters()), "lr": _LEARNING_RATE},
            {"params": list(loss.parameters()), "lr": _LOSS_LEARNING_RATE, "weight_decay": 0.0},
        ],
        weight_decay=_WEIGHT_DECAY,
    )
    peaks = [group["lr"] for group in optimiser.param_groups]
    shuffle = torch.Generator().manual_seed(task.seed)
    steps_per_epoch = max(1, len(inputs) // _BATCH)
    margin = loss.margin if isinstance(loss, ArcFace | CosFace) else 0.0
    snapshots: list[Snapshot] = []
    start_s = task.now_s()

    def keep(done: float, epoch: int) -> None:
        vectors = loss.class_vectors()
        snapshots.append(
            Snapshot(
                done,
                epoch,
                embed(network, unseen).numpy(),
                embed(network, strangers).numpy(),
                None if vectors is None else vectors.numpy().copy(),
            )
        )

    done = 0.0
    keep(done, 0)
    for epoch in count(1):
        order = torch.randperm(len(inputs), generator=shuffle)
        for step in range(steps_per_epoch):
            if isinstance(loss, ArcFace | CosFace):
                start, end = _MARGIN_GROWS
                loss.margin = margin * min(max((done - start) / (end - start), 0.0), 1.0)
            for group, peak in zip(optimiser.param_groups, peaks, strict=True):
                group["lr"] = peak * _rate(done)
            chosen = order[step * _BATCH : (step + 1) * _BATCH]
            value = _step(network, loss, optimiser, jitter(inputs[chosen], shuffle), labels[chosen])
            if task.budget.epochs is not None:
                past = ((epoch - 1) * steps_per_epoch + step + 1) / (
                    task.budget.epochs * steps_per_epoch
                )
            else:
                past = (task.now_s() - start_s) / (task.budget.seconds or 1.0)
            done = min(past, 1.0)
            if task.on_step is not None:
                task.on_step(done, value)
            # Most happens at the start: frames are close there and far apart at the end.
            if done >= (len(snapshots) / (task.frames - 1)) ** 2:
                keep(done, epoch)
            if done >= 1:
                if snapshots[-1].done < 1:
                    keep(done, epoch)
                return Run(task.loss_name, split, tuple(snapshots))
    raise AssertionError("count never ends")


def _step(
    network: nn.Module,
    loss: LabelLoss,
    optimiser: torch.optim.Optimizer,
    inputs: Tensor,
    labels: Tensor,
) -> float:
    optimiser.zero_grad()
    value = loss(network(inputs), labels)
    value.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimiser.step()
    return float(value.detach())


def jitter(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Turn, scale and shift each picture (M, 1, H, W) a little, as another hand would write it."""
    amounts = 2 * torch.rand(4, len(pictures), generator=generator) - 1
    angle, scale = amounts[0] * math.radians(_TURN_DEG), 1 + amounts[1] * _SCALE
    shift_x, shift_y = amounts[2:] * _SHIFT
    cosines, sines = scale * angle.cos(), scale * angle.sin()
    rows = torch.stack([cosines, -sines, shift_x, sines, cosines, shift_y], dim=1).view(-1, 2, 3)
    grid = nnf.affine_grid(rows, list(pictures.shape), align_corners=False)
    return nnf.grid_sample(pictures, grid, align_corners=False)


def _rate(done: float) -> float:
    """Warm-up over a twentieth, then half a cosine."""
    if done < 0.05:
        return 0.1 + 0.9 * done / 0.05
    return 0.5 * (1 + math.cos(math.pi * (done - 0.05) / 0.95))


def _tensor(pictures: Pictures) -> Tensor:
    return torch.from_numpy(pictures.pictures).unsqueeze(1)
