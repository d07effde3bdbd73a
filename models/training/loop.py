"""One training run, from the first batch to the averaged weights; stopped and resumed at will."""

import dataclasses
import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from attendance.errors import ModelError
from models.losses.base import LabelLoss
from models.networks.mobilefacenet import MobileFaceNet, middle_columns
from models.training.annealing import Annealing
from models.training.batches import Batch, BatchRecipe
from models.training.checkpoint import (
    Checkpoint,
    FaceNetwork,
    build,
    load_weights,
    read_checkpoint,
    write_checkpoint,
    write_weights,
)
from models.training.config import TrainingConfig
from models.training.log import CsvLog, EventLog
from models.training.objective import neighbour_divergence, terms, weighted
from models.training.optimiser import make_optimiser
from models.training.schedule import learning_rate_factor, progress
from models.training.validation import Validator

_LOG = logging.getLogger(__name__)
CHECKPOINT = "checkpoint.pt"
BEST = "best.npz"
LAST = "last.npz"
LOG = "log.csv"
EVENTS = "tensorboard"
_SHOWN = ("embedding", "features", "margin", "held_out_cosine", "held_out_tar_1e-3")


@dataclass(frozen=True, slots=True)
class Parts:
    """What a run works with. build_network is called once, when there is nothing to resume.

    taps: the network's bottlenecks that follow the tapped ones of the teacher, in its order.
    """

    batches: BatchRecipe
    validator: Validator
    build_network: Callable[[], FaceNetwork]
    taps: tuple[int, ...] = ()
    annealing: Annealing | None = None
    margin_loss: LabelLoss | None = None


@dataclass(slots=True)
class _State:
    step: int
    elapsed_s: float
    best: float
    since_best: int
    drops: int = 0
    since_drop: int = 0


class Run:
    """A run in its directory: checkpoint.pt, log.csv, TensorBoard events, best.npz, last.npz.

    Driven by steps it resumes exactly: killed at any moment and started again, it ends with the
    same weights. Driven by minutes it goes on at the time already spent.
    """

    def __init__(
        self,
        config: TrainingConfig,
        parts: Parts,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises ModelError if the directory's checkpoint is damaged or another run's."""
        self._config, self._parts, self._clock = config, parts, clock
        self._directory = config.base_dir / config.run.directory
        self._directory.mkdir(parents=True, exist_ok=True)
        torch.set_num_threads(config.run.threads)
        path = self._directory / CHECKPOINT
        found = read_checkpoint(path) if path.exists() else None
        if found is not None and found.fingerprint != fingerprint(config):
            raise ModelError(
                f"{path} belongs to a run with another configuration.",
                action="Give another [run] directory, or delete it to start afresh.",
            )
        network = build(found.settings) if found is not None else parts.build_network()
        self.network: FaceNetwork = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if parts.annealing is not None and isinstance(self.network, MobileFaceNet):
            parts.annealing.attach(self.network)
        self._loss = parts.margin_loss
        self._optimiser = make_optimiser(self.network, config.optimiser, self._loss)
        if found is None:
            self._state = _State(0, 0.0, -1.0, 0)
            self._average = _copied(self.network.state_dict())
            self._write_checkpoint()
        else:
            self._state = _State(
                found.step,
                found.elapsed_s,
                found.best,
                found.since_best,
                found.drops,
                found.since_drop,
            )
            if self._loss is not None:
                self._loss.load_state_dict(found.loss)
            load_weights(self.network, found.weights, path)
            self._average = found.average
            self._optimiser.load_state_dict(found.optimiser)
            _LOG.info("resumed at step %d after %.0f s", found.step, found.elapsed_s)
        self._bank, self._place_in_bank = _bank_of(parts.batches)
        self._log = CsvLog(self._directory / LOG, keep_until_step=self._state.step)
        self._events = (
            EventLog(self._directory / EVENTS, keep_until_step=self._state.step)
            if config.run.tensorboard
            else None
        )

    def train(self, *, stop_after_step: int | None = None) -> None:
        """Train until the schedule, the patience or the given step ends it; then `last.npz`."""
        config, state = self._config, self._state
        since = _Since(self._clock(), state.step)
        saved_s = validated_s = state.elapsed_s
        started_s = self._clock() - state.elapsed_s
        recipe = self._parts.batches
        batches = recipe.from_step(state.step)
        bar = tqdm(
            total=config.schedule.steps or None, initial=state.step, unit="step", disable=None
        )
        try:
            while not self._is_over():
                done = progress(config.schedule, step=state.step, elapsed_s=state.elapsed_s)
                row = self._step(next(batches), done)
                state.step += 1
                state.elapsed_s = self._clock() - started_s
                bar.update()
                at_log = state.step % config.run.log_steps == 0
                at_validation = (
                    state.elapsed_s - validated_s >= 60 * config.run.validate_minutes
                    or recipe.epoch(state.step) > recipe.epoch(state.step - 1)
                )
                if at_validation:
                    row |= self._validate()
                    validated_s = state.elapsed_s
                if at_log or at_validation:
                    self._report(row, since, bar)
                if state.elapsed_s - saved_s >= 60 * config.run.checkpoint_minutes:
                    self._write_checkpoint()
                    saved_s = state.elapsed_s
                if state.step == stop_after_step:
                    return
        finally:
            batches.close()  # type: ignore[attr-defined]
            bar.close()
            if self._events is not None:
                self._events.close()
        self._report(dict(self._validate()), since, bar)
        self._write_checkpoint()
        write_weights(self._directory / LAST, self.network, self._average)

    def _is_over(self) -> bool:
        config, state = self._config, self._state
        if config.run.patience and state.since_best >= config.run.patience:
            return True
        return progress(config.schedule, step=state.step, elapsed_s=state.elapsed_s) >= 1

    def _step(self, batch: Batch, done: float) -> dict[str, float | int]:
        config = self._config
        factor = learning_rate_factor(config.schedule, done, drops=self._state.drops)
        rate = config.optimiser.learning_rate * factor
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        # What a layer draws (dropout) depends on the step alone, also in a resumed run.
        torch.manual_seed(config.run.seed * 1_000_003 + self._state.step)
        if self._parts.annealing is not None:
            self._parts.annealing.move(done)
        self.network.train()
        width = self.network.settings.input_hw[1]
        crops = middle_columns(torch.from_numpy(batch.inputs), width)
        crops = crops.contiguous(memory_format=torch.channels_last)
        embeddings, features = self._forward(crops)
        targets = batch.targets
        values = terms(
            embeddings,
            features,
            target_embeddings=None if targets is None else torch.from_numpy(targets.embeddings),
            target_features=[
                torch.from_numpy(part) for part in (() if targets is None else targets.features)
            ],
            labels=torch.from_numpy(batch.labels),
            margin_loss=self._loss,
            neighbours=self._neighbours(batch),
        )
        loss = weighted(values, config.loss, progress=done)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self._parameters(), config.optimiser.clip_norm)
        if not torch.isfinite(norm):
            _LOG.warning("step %d left out: the gradient is not finite", self._state.step)
        else:
            self._optimiser.step()
            self._update_average()
        return {
            "learning_rate": rate,
            "loss": float(loss.detach()),
            "gradient_norm": float(norm),
            **{name: float(value.detach()) for name, value in values.items()},
        }

    def _forward(self, crops: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Embeddings and the features of the taps, float32 whatever the precision."""
        taps, network = self._parts.taps, self.network
        with torch.autocast(
            "cpu", dtype=torch.bfloat16, enabled=self._config.run.precision == "bfloat16"
        ):
            if isinstance(network, MobileFaceNet):
                embeddings, features = network.with_taps(crops, taps)
            else:
                embeddings, features = network(crops), {}
        return embeddings.float(), [features[tap].float() for tap in taps]

    def _neighbours(self, batch: Batch) -> Callable[[Tensor, Tensor], Tensor] | None:
        bank, scale = self._bank, self._config.loss.neighbours_scale
        if bank is None or self._config.loss.neighbours == 0:
            return None
        rows = torch.from_numpy(self._place_in_bank[batch.rows])

        def divergence(embeddings: Tensor, targets: Tensor) -> Tensor:
            return neighbour_divergence(embeddings, targets, bank, rows, scale=scale)

        return divergence

    def _parameters(self) -> list[nn.Parameter]:
        return [
            *self.network.parameters(),
            *(() if self._loss is None else self._loss.parameters()),
        ]

    def _update_average(self) -> None:
        decay = min(
            self._config.optimiser.ema_decay, (1 + self._state.step) / (10 + self._state.step)
        )
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                if value.is_floating_point():
                    self._average[name].lerp_(value, 1 - decay)
                else:
                    self._average[name].copy_(value)

    def _validate(self) -> dict[str, float | int]:
        averaged = build(self.network.settings)
        averaged.load_state_dict(self._average)
        result = self._parts.validator(averaged.to(memory_format=torch.channels_last))  # type: ignore[call-overload]
        state = self._state
        if result.score > state.best:
            state.best, state.since_best = result.score, 0
            write_weights(self._directory / BEST, self.network, self._average)
            state.since_drop = 0
        else:
            state.since_best += 1
            state.since_drop += 1
        schedule = self._config.schedule
        if schedule.kind == "plateau" and state.since_drop >= schedule.plateau_patience:
            state.drops, state.since_drop = state.drops + 1, 0
            _LOG.info("no better for %d validations: the rate drops", schedule.plateau_patience)
        return {"held_out_cosine": result.cosine, "held_out_tar_1e-3": result.tar}

    def _report(self, row: Mapping[str, float | int], since: "_Since", bar: "tqdm[Any]") -> None:
        state, size = self._state, self._config.run.batch_size
        facts = {
            "step": state.step,
            "images": state.step * size,
            "elapsed_s": state.elapsed_s,
            "images_per_s": since.rate(self._clock(), state.step) * size,
            **row,
        }
        self._log.write(facts)
        if self._events is not None:
            self._events.write(facts)
        text = "  ".join(
            f"{key} {facts[key]:.4g}" for key in ("images_per_s", "loss", *_SHOWN) if key in facts
        )
        text += f"  {self._minutes_left():.0f} min left"
        bar.set_postfix_str(text)
        if bar.disable:
            _LOG.info("step %d  %.0f s  %s", state.step, state.elapsed_s, text)

    def _minutes_left(self) -> float:
        state = self._state
        done = progress(self._config.schedule, step=state.step, elapsed_s=state.elapsed_s)
        return state.elapsed_s * (1 - done) / max(done, 1e-9) / 60

    def _write_checkpoint(self) -> None:
        state = self._state
        write_checkpoint(
            self._directory / CHECKPOINT,
            Checkpoint(
                settings=self.network.settings,
                fingerprint=fingerprint(self._config),
                step=state.step,
                elapsed_s=state.elapsed_s,
                best=state.best,
                since_best=state.since_best,
                weights=dict(self.network.state_dict()),
                average=self._average,
                optimiser=self._optimiser.state_dict(),
                loss={} if self._loss is None else dict(self._loss.state_dict()),
                drops=state.drops,
                since_drop=state.since_drop,
            ),
        )


@dataclass(slots=True)
class _Since:
    """Speed since the last report."""

    at_s: float
    step: int

    def rate(self, now_s: float, step: int) -> float:
        speed = (step - self.step) / max(now_s - self.at_s, 1e-9)
        self.at_s, self.step = now_s, step
        return speed


def _bank_of(recipe: BatchRecipe) -> tuple[Tensor | None, NDArray[np.int64]]:
    """The targets of the training crops where they are known, and each crop's place in them."""
    training = ~recipe.store.held_out
    places = np.cumsum(training) - 1
    if not isinstance(recipe.teacher, np.ndarray):
        return None, places
    return torch.from_numpy(recipe.teacher[training]), places


def fingerprint(config: TrainingConfig) -> str:
    """A hash of what must not change between the parts of one run.

    A value that is the default counts as not given, so that a new setting does not end old runs.
    """
    values = _given(config)
    for key in ("base_dir", "schedule"):
        values.pop(key, None)
    for key in ("threads", "checkpoint_minutes", "validate_minutes", "log_steps", "patience"):
        values["run"].pop(key, None)
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _given(table: Any) -> dict[str, Any]:
    """A configuration's values that are not their defaults, tables included."""
    result: dict[str, Any] = {}
    for f in dataclasses.fields(table):
        value = getattr(table, f.name)
        if dataclasses.is_dataclass(value):
            result[f.name] = _given(value)
        elif f.default is dataclasses.MISSING or value != f.default:
            result[f.name] = value
    return result


def _copied(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in weights.items()}


def set_seeds(seed: int) -> None:
    """Seeds of the libraries that draw numbers of their own."""
    torch.manual_seed(seed)
    np.random.default_rng(seed)
