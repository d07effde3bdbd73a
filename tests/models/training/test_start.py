"""What a run begins with."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra [train] (PyTorch)")

import torch

from attendance.errors import ModelError
from models.networks.mobilefacenet import MobileFaceNet, NetworkSettings
from models.training.checkpoint import write_weights
from models.training.config import NetworkTable, StartTable, TrainingConfig
from models.training.data import CropStore
from models.training.start import build_network

LATE_LEAKY = (0.0,) * 13 + (-0.6, 0.0) * 10


def starting_from(path: Path, config: TrainingConfig, *, late_leaky: bool) -> TrainingConfig:
    return dataclasses.replace(
        config,
        start=StartTable(checkpoint=str(path)),
        network=NetworkTable(late_leaky=late_leaky),
    )


def test_given_weights_are_taken_with_their_slopes(
    make_config: Callable[..., TrainingConfig], store: CropStore, tmp_path: Path
) -> None:
    settings = NetworkSettings(activation="leaky-relu", norm="none", slopes=LATE_LEAKY)
    given = MobileFaceNet(settings)
    path = tmp_path / "start.npz"
    write_weights(path, given, dict(given.state_dict()))
    config = starting_from(path, make_config("run", steps=1), late_leaky=True)
    network = build_network(config, store, None)
    assert network.settings == settings
    for name, value in given.state_dict().items():
        assert torch.equal(network.state_dict()[name], value), name


def test_weights_of_another_network_table_are_refused(
    make_config: Callable[..., TrainingConfig], store: CropStore, tmp_path: Path
) -> None:
    given = MobileFaceNet(NetworkSettings(norm="batch"))
    path = tmp_path / "start.npz"
    write_weights(path, given, dict(given.state_dict()))
    config = starting_from(path, make_config("run", steps=1), late_leaky=False)
    with pytest.raises(ModelError, match=r"start\.npz holds another network \(relu, norm batch"):
        build_network(config, store, None)


def test_without_a_teacher_the_weights_are_random_but_repeatable(
    make_config: Callable[..., TrainingConfig], store: CropStore
) -> None:
    config = make_config("run", steps=1)
    networks = []
    for _ in range(2):
        torch.manual_seed(1)
        networks.append(build_network(config, store, None))
    first, second = (network.stem.conv.weight.detach().numpy() for network in networks)
    assert np.array_equal(first, second)
    assert first.std() > 0


def test_an_annealed_start_takes_the_teacher_s_weights_and_the_mean_of_its_late_slopes(
    make_config: Callable[..., TrainingConfig], store: CropStore
) -> None:
    torch.manual_seed(1)
    teacher = MobileFaceNet(
        NetworkSettings(input_hw=(112, 112), activation="prelu", norm="none")
    ).eval()
    with torch.no_grad():
        for number, unit in enumerate(teacher.units()):
            if isinstance(unit.activation, torch.nn.PReLU):
                unit.activation.weight.copy_(
                    torch.linspace(0, number / 50, unit.shape.out_channels)
                )
    config = dataclasses.replace(
        make_config("run", steps=1),
        start=StartTable(anneal=0.3),
        network=NetworkTable(late_leaky=True),
    )
    network = build_network(config, store, teacher)
    assert isinstance(network, MobileFaceNet)
    slopes = network.settings.slopes
    late = [place for place, slope in enumerate(slopes) if slope]
    assert late == [place for place in range(13, 33) if place % 2 == 1]
    # The first late one follows the depthwise convolution of bottleneck 5, the 19th of the units.
    assert slopes[13] == pytest.approx(18 / 50 / 2)
    assert torch.equal(
        network.bottlenecks()[3].expand.conv.weight, teacher.bottlenecks()[3].expand.conv.weight
    )
