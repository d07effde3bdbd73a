"""Training on labels: alone, beside a teacher, and resumed."""

import csv
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra [train] (PyTorch)")

import torch

from models.losses.factory import make_loss
from models.networks.ir_resnet import IrResNet, IrResNetSettings
from models.networks.mobilefacenet import MobileFaceNet, NetworkSettings
from models.training.batches import BatchRecipe
from models.training.checkpoint import FaceNetwork, read_any_network, read_checkpoint
from models.training.config import MarginTable, ScheduleTable, TrainingConfig
from models.training.data import CropStore
from models.training.loop import CHECKPOINT, EVENTS, LAST, LOG, Parts, Run
from models.training.validation import Validation, Validator
from tests.models.training.conftest import SMALL_TABLE

Configs = Callable[..., TrainingConfig]


def small_network() -> FaceNetwork:
    torch.manual_seed(7)
    return MobileFaceNet(NetworkSettings(input_hw=(112, 32), table=SMALL_TABLE))


def parts_of(
    config: TrainingConfig,
    store: CropStore,
    cache_dir: Path,
    build: Callable[[], FaceNetwork] = small_network,
) -> Parts:
    """Parts that learn from labels alone."""
    assert config.margin is not None
    recipe = BatchRecipe(
        store,
        config.augmentation,
        None,
        config.run.batch_size,
        config.run.seed,
        config.data.pictures_a_person,
    )
    torch.manual_seed(11)
    loss = make_loss(
        config.margin.loss,
        classes=store.class_count,
        embedding_size=128,
        **config.margin.settings,
    )
    validator = Validator(store, None, cache_dir=cache_dir)
    return Parts(recipe, validator, build, margin_loss=loss)


def on_labels(config: TrainingConfig, loss: str = "arcface", **settings: float) -> TrainingConfig:
    return dataclasses.replace(config, distill=None, margin=MarginTable(loss, dict(settings)))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_a_network_learns_its_people_from_labels_alone(
    make_config: Configs, tmp_path: Path
) -> None:
    colours = np.array([[230, 30, 30], [30, 230, 30], [30, 30, 230]], np.uint8)
    crops = np.broadcast_to(colours.repeat(4, 0)[:, None, None], (12, 112, 112, 3))
    store = CropStore(crops, np.arange(12) // 4, np.zeros(12, np.bool_))
    config = on_labels(make_config("labels", steps=20), scale=16.0, margin=0.2)
    Run(config, parts_of(config, store, tmp_path)).train()
    losses = [float(row["margin"]) for row in rows(tmp_path / "labels" / LOG) if row["margin"]]
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])


@pytest.mark.parametrize("loss", ["arcface", "a-softmax", "center"])
def test_a_loss_s_own_parameters_are_resumed_too(
    loss: str, make_config: Configs, store: CropStore, tmp_path: Path
) -> None:
    through = on_labels(make_config("through", steps=4), loss)
    Run(through, parts_of(through, store, tmp_path)).train()
    stopped = on_labels(make_config("stopped", steps=4), loss)
    Run(stopped, parts_of(stopped, store, tmp_path)).train(stop_after_step=2)
    Run(stopped, parts_of(stopped, store, tmp_path)).train()
    expected, found = (read_checkpoint(tmp_path / d / CHECKPOINT) for d in ("through", "stopped"))
    assert expected.loss
    for name, value in expected.loss.items():
        assert torch.equal(found.loss[name], value), name
    for name, value in expected.weights.items():
        assert torch.equal(found.weights[name], value), name


def test_a_dropout_draws_the_same_in_a_resumed_run(
    make_config: Configs, store: CropStore, tmp_path: Path
) -> None:
    def build() -> FaceNetwork:
        torch.manual_seed(7)
        return IrResNet(IrResNetSettings(input_hw=(112, 16), units=(1, 1, 1, 1)))

    ends = []
    for name, stops in (("through", (None,)), ("stopped", (1, None))):
        config = on_labels(make_config(name, steps=2))
        for stop in stops:
            Run(config, parts_of(config, store, tmp_path, build)).train(stop_after_step=stop)
        ends.append(read_checkpoint(tmp_path / name / CHECKPOINT).weights)
    assert all(torch.equal(ends[0][name], value) for name, value in ends[1].items())
    network = read_any_network(tmp_path / "through" / LAST)
    assert isinstance(network, IrResNet)
    assert network.settings.units == (1, 1, 1, 1)


def test_in_bfloat16_the_weights_stay_float32(
    make_config: Configs, store: CropStore, tmp_path: Path
) -> None:
    config = on_labels(make_config("half", steps=2))
    config = dataclasses.replace(config, run=dataclasses.replace(config.run, precision="bfloat16"))
    run = Run(config, parts_of(config, store, tmp_path))
    run.train()
    assert {p.dtype for p in run.network.parameters()} == {torch.float32}
    full = on_labels(make_config("full", steps=2))
    Run(full, parts_of(full, store, tmp_path)).train()
    losses = [float(rows(tmp_path / d / LOG)[0]["loss"]) for d in ("half", "full")]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)


def test_the_rate_drops_while_validation_stands_still_also_over_a_restart(
    make_config: Configs, store: CropStore, tmp_path: Path
) -> None:
    config = on_labels(make_config("plateau", steps=12))
    schedule = ScheduleTable(
        kind="plateau", steps=12, warm_up=0.0, plateau_patience=1, drop_factor=0.5
    )
    config = dataclasses.replace(config, schedule=schedule)

    class StandingStill(Validator):
        def __call__(self, network: FaceNetwork) -> Validation:
            return Validation(0.5, float("nan"))

    def train(stop_after_step: int | None) -> None:
        parts = parts_of(config, store, tmp_path)
        still = StandingStill(store, None, cache_dir=tmp_path)
        Run(config, dataclasses.replace(parts, validator=still)).train(
            stop_after_step=stop_after_step
        )

    train(7)
    train(None)
    rates = [
        float(row["learning_rate"])
        for row in rows(tmp_path / "plateau" / LOG)
        if row["learning_rate"]
    ]
    # Nine crops, four a batch: epochs end in the steps 3, 5, 7, 9 and 12. The first validation is
    # the best so far; each later one lowers the rate of the steps after it.
    first = rates[0]
    factors = [1, 1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.125]
    assert rates == pytest.approx([first * factor for factor in factors])


def test_every_epoch_ends_with_a_validation(
    make_config: Configs, store: CropStore, tmp_path: Path
) -> None:
    config = on_labels(make_config("epochs", steps=9))
    Run(config, parts_of(config, store, tmp_path)).train()
    parts = parts_of(config, store, tmp_path)
    ends = [
        step for step in range(1, 10) if parts.batches.epoch(step) > parts.batches.epoch(step - 1)
    ]
    assert ends == [3, 5, 7, 9]


def test_the_figures_are_written_as_tensorboard_events(
    make_config: Configs, store: CropStore, tmp_path: Path
) -> None:
    pytest.importorskip("tensorboard", reason="reading events needs TensorBoard (extra [train])")
    from tensorboard.backend.event_processing.event_accumulator import (
        EventAccumulator,
    )

    config = on_labels(make_config("events", steps=5))
    config = dataclasses.replace(config, run=dataclasses.replace(config.run, tensorboard=True))
    Run(config, parts_of(config, store, tmp_path)).train(stop_after_step=3)
    Run(config, parts_of(config, store, tmp_path)).train()
    events = EventAccumulator(str(tmp_path / "events" / EVENTS))
    events.Reload()
    found = [(event.step, event.value) for event in events.Scalars("loss")]
    logged = [
        (int(r["step"]), float(r["loss"])) for r in rows(tmp_path / "events" / LOG) if r["loss"]
    ]
    assert [step for step, _ in found] == [1, 2, 3, 4, 5]
    assert [v for _, v in found] == pytest.approx([v for _, v in logged], rel=1e-4)


def test_crops_of_one_person_stand_together_where_pairs_are_needed(store: CropStore) -> None:
    from models.training.augment import AugmentationSettings

    recipe = BatchRecipe(store, AugmentationSettings(), None, 4, 1, pictures_a_person=2)
    # Three people with three training crops each: two groups of two a person.
    drawn = [recipe.batch(step).labels for step in range(3)]
    assert recipe.epoch(2) == 0
    assert recipe.epoch(3) == 1
    for labels in drawn:
        assert sorted(np.unique(labels, return_counts=True)[1].tolist()) in ([2, 2], [4])
    assert np.unique(np.concatenate(drawn)).tolist() == [0, 1, 2]
