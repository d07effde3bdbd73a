"""A copy of the teacher whose slopes become the student's."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the extra [train] (PyTorch)")

import torch
from torch.nn import functional as nnf

from models.networks.mobilefacenet import MobileFaceNet, NetworkSettings
from models.training.annealing import AnnealedActivation, Annealing, copy_of
from models.training.checkpoint import read_checkpoint
from models.training.config import TrainingConfig
from models.training.loop import CHECKPOINT, Parts, Run
from tests.models.training.conftest import SMALL_TABLE

STUDENT = NetworkSettings(norm="none", activation="relu", table=SMALL_TABLE)


def test_the_slope_goes_from_the_teacher_s_to_the_student_s() -> None:
    activation = AnnealedActivation(torch.tensor([0.8, -0.4]), end=-0.2)
    x = torch.tensor([-1.0, 2.0]).repeat(2).reshape(1, 2, 2, 1)
    for done, slopes in ((0.0, (0.8, -0.4)), (0.5, (0.3, -0.3)), (1.0, (-0.2, -0.2))):
        activation.move(done)
        expected = torch.tensor([-slopes[0], 2.0, -slopes[1], 2.0]).reshape(1, 2, 2, 1)
        torch.testing.assert_close(activation(x), expected)


def test_at_the_start_the_copy_is_the_teacher_but_for_its_narrower_input(
    random_teacher: MobileFaceNet,
) -> None:
    same_input = dataclasses.replace(STUDENT, input_hw=(112, 112))
    copy = copy_of(random_teacher, same_input)
    annealing = Annealing(random_teacher, share=0.5)
    annealing.attach(copy)
    annealing.move(0.0)
    crops = torch.randn(2, 3, 112, 112)
    with torch.inference_mode():
        torch.testing.assert_close(copy(crops), random_teacher(crops), rtol=1e-4, atol=1e-5)
        narrow = copy_of(random_teacher, STUDENT)
        assert narrow.head_depthwise.conv.weight.shape[2:] == (7, 6)


def test_after_its_share_of_the_schedule_the_network_is_what_its_settings_say(
    random_teacher: MobileFaceNet,
) -> None:
    network, plain = (copy_of(random_teacher, STUDENT).eval() for _ in range(2))
    annealing = Annealing(random_teacher, share=0.4)
    annealing.attach(network)
    crops = torch.randn(2, 3, 112, 96)
    with torch.inference_mode():
        expected = plain(crops)
        annealing.move(0.2)
        assert float(nnf.cosine_similarity(network(crops), expected).mean()) < 0.9999
        annealing.move(0.4)
        torch.testing.assert_close(network(crops), expected)
    assert network.state_dict().keys() == plain.state_dict().keys()


def test_another_network_has_no_slopes_to_lead(random_teacher: MobileFaceNet) -> None:
    other = MobileFaceNet(NetworkSettings(norm="none", table=((2, 64, 1, 2),)))
    with pytest.raises(ValueError, match="teacher's activations"):
        Annealing(random_teacher, share=0.5).attach(other)


def test_an_annealed_run_resumes_as_one_that_ran_through(
    make_config: Callable[..., TrainingConfig],
    make_parts: Callable[[TrainingConfig], Parts],
    random_teacher: MobileFaceNet,
    tmp_path: Path,
) -> None:
    def train(directory: str, *, stop_after_step: int | None = None) -> None:
        config = make_config(directory, steps=4)
        parts = dataclasses.replace(
            make_parts(config),
            build_network=lambda: copy_of(random_teacher, STUDENT),
            annealing=Annealing(random_teacher, share=0.75),
        )
        Run(config, parts).train(stop_after_step=stop_after_step)

    train("through")
    train("stopped", stop_after_step=2)
    train("stopped")
    expected, found = (read_checkpoint(tmp_path / d / CHECKPOINT) for d in ("through", "stopped"))
    for name, value in expected.weights.items():
        assert torch.equal(found.weights[name], value), name
