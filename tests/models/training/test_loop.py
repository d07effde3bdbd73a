"""A run stops, resumes and ends as one that was never stopped."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the extra [train] (PyTorch)")

import torch

from attendance.errors import ModelError
from models.networks.mobilefacenet import MobileFaceNet, NetworkSettings
from models.training.checkpoint import read_checkpoint, read_network, write_weights
from models.training.config import TrainingConfig, read_config
from models.training.loop import BEST, CHECKPOINT, LAST, LOG, Parts, Run

Configs = Callable[..., TrainingConfig]
MakeParts = Callable[[TrainingConfig], Parts]


def test_a_run_killed_and_resumed_ends_with_the_same_weights_as_one_that_ran_through(
    make_config: Configs, make_parts: MakeParts, tmp_path: Path
) -> None:
    through = make_config("through", steps=6)
    Run(through, make_parts(through)).train()

    killed = make_config("killed", steps=6)
    Run(killed, make_parts(killed)).train(stop_after_step=3)
    # What a kill leaves: the checkpoint of step 3 beside log rows of later steps.
    before = tmp_path / "before"
    shutil.copytree(tmp_path / "killed", before)
    Run(killed, make_parts(killed)).train(stop_after_step=5)
    shutil.copy(before / CHECKPOINT, tmp_path / "killed" / CHECKPOINT)
    resumed = Run(killed, make_parts(killed))
    assert read_checkpoint(tmp_path / "killed" / CHECKPOINT).step == 3
    resumed.train()

    expected = read_checkpoint(tmp_path / "through" / CHECKPOINT)
    found = read_checkpoint(tmp_path / "killed" / CHECKPOINT)
    assert found.step == expected.step == 6
    for name, value in expected.weights.items():
        assert torch.equal(found.weights[name], value), name
    for name, value in expected.average.items():
        assert torch.equal(found.average[name], value), name
    logs = []
    for directory in ("through", "killed"):
        with (tmp_path / directory / LOG).open(encoding="utf-8") as stream:
            logs.append([(row["step"], row["loss"]) for row in csv.DictReader(stream)])
    assert logs[0] == logs[1]
    assert [step for step, _ in logs[0]] == ["1", "2", "3", "4", "5", "6", "6"]


def test_training_moves_the_student_towards_the_teacher(
    make_config: Configs, make_parts: MakeParts, tmp_path: Path
) -> None:
    config = make_config("run", steps=25)
    Run(config, make_parts(config)).train()
    with (tmp_path / "run" / LOG).open(encoding="utf-8") as stream:
        losses = [float(row["loss"]) for row in csv.DictReader(stream) if row["loss"]]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    assert (tmp_path / "run" / BEST).exists()
    network = read_network(tmp_path / "run" / LAST)
    assert network(torch.zeros(2, 3, 112, 96)).shape == (2, 128)


def test_a_schedule_in_minutes_ends_when_the_time_is_spent(
    make_config: Configs, make_parts: MakeParts, tmp_path: Path
) -> None:
    config = make_config("timed", steps=1)
    path = tmp_path / "timed.toml"
    path.write_text(path.read_text("utf-8").replace(" steps = 1\n", " minutes = 1\n"), "utf-8")
    config = read_config(path)
    ticks = iter(range(0, 10_000, 5))
    Run(config, make_parts(config), clock=lambda: float(next(ticks))).train()
    checkpoint = read_checkpoint(tmp_path / "timed" / CHECKPOINT)
    assert checkpoint.elapsed_s >= 60
    assert 1 <= checkpoint.step <= 12


def test_the_directory_of_another_configuration_is_refused(
    make_config: Configs, make_parts: MakeParts, tmp_path: Path
) -> None:
    config = make_config("run", steps=1)
    Run(config, make_parts(config)).train()
    path = tmp_path / "run.toml"
    path.write_text(path.read_text("utf-8").replace("[0, 2]", "[0, 1]"), "utf-8")
    changed = read_config(path)
    with pytest.raises(ModelError, match="another configuration"):
        Run(changed, make_parts(changed))


def test_a_damaged_checkpoint_is_named(
    make_config: Configs, make_parts: MakeParts, tmp_path: Path
) -> None:
    config = make_config("run", steps=1)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / CHECKPOINT).write_bytes(b"not a checkpoint")
    with pytest.raises(ModelError, match=r"checkpoint\.pt is not a training checkpoint"):
        Run(config, make_parts(config))


def test_the_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    small = MobileFaceNet(NetworkSettings(table=((2, 64, 1, 2),)))
    other = MobileFaceNet(NetworkSettings(table=((2, 64, 2, 2),)))
    write_weights(path, other, dict(small.state_dict()))
    with pytest.raises(ModelError, match="another network"):
        read_network(path)


def test_a_file_that_holds_no_weights_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    path.write_bytes(b"PK nothing")
    with pytest.raises(ModelError, match="does not hold weights"):
        read_network(path)
