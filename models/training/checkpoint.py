"""Weights and checkpoints on disk: written whole or not at all, refused for another network."""

import dataclasses
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from attendance.errors import ModelError
from models.networks.ir_resnet import IrResNet, IrResNetSettings
from models.networks.mobilefacenet import STEM_CHANNELS, MobileFaceNet, NetworkSettings

_SETTINGS = "network_settings"
IR_RESNET = "ir-resnet-50"
Settings = NetworkSettings | IrResNetSettings
FaceNetwork = MobileFaceNet | IrResNet
"""What can be trained: crops in, embeddings out."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything a run needs to go on as if it had never stopped.

    loss: the state of the loss on labels (class rows, annealing); drops, since_drop: how often the
    learning rate was lowered because nothing got better, and validations since the last time.
    """

    settings: Settings
    fingerprint: str
    step: int
    elapsed_s: float
    best: float
    since_best: int
    weights: dict[str, Tensor]
    average: dict[str, Tensor]
    optimiser: dict[str, Any]
    loss: dict[str, Tensor] = field(default_factory=dict)
    drops: int = 0
    since_drop: int = 0


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Replace the file at once, so that a kill leaves the old one or the new one."""
    part = path.with_suffix(".part")
    content = {f.name: getattr(checkpoint, f.name) for f in dataclasses.fields(checkpoint)}
    content["settings"] = _values(checkpoint.settings)
    with part.open("wb") as stream:
        torch.save(content, stream)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)


def read_checkpoint(path: Path) -> Checkpoint:
    """Raises ModelError if the file is not a checkpoint of this program."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        # A file of another format has other keys, which the constructor refuses.
        content["settings"] = _settings(content["settings"])
        return Checkpoint(**content)
    except Exception as error:  # a damaged file can fail anywhere in the reader
        raise ModelError(
            f"{path} is not a training checkpoint of this version: {error}.",
            action="Delete it to start afresh, or give another [run] directory.",
        ) from error


def write_weights(path: Path, network: FaceNetwork, weights: dict[str, Tensor]) -> None:
    """Weights alone (float32, no optimiser) with the settings of their network, as .npz."""
    part = path.with_suffix(".part")
    arrays: dict[str, Any] = {name: tensor.numpy() for name, tensor in weights.items()}
    arrays[_SETTINGS] = np.array(json.dumps(_values(network.settings)))
    with part.open("wb") as stream:
        np.savez(stream, **arrays)
    part.replace(path)


def read_network(path: Path) -> MobileFaceNet:
    """The MobileFaceNet of a weights file (.npz), or of a checkpoint (.pt), averaged weights.

    Raises ModelError if the file cannot be read, if its weights do not fit its settings, or if it
    holds another kind of network.
    """
    network = read_any_network(path)
    if not isinstance(network, MobileFaceNet):
        raise ModelError(
            f"{path} holds an {IR_RESNET}, not a MobileFaceNet.",
            action="Give the weights of a MobileFaceNet.",
        )
    return network


def read_any_network(path: Path) -> FaceNetwork:
    """The same for every kind of network that can be trained."""
    if path.suffix == ".pt":
        checkpoint = read_checkpoint(path)
        settings, weights = checkpoint.settings, checkpoint.average
    else:
        try:
            with path.open("rb") as stream, np.load(stream) as arrays:
                settings = _settings(json.loads(str(arrays[_SETTINGS])))
                weights = {
                    name: torch.from_numpy(arrays[name].astype(np.float32))
                    for name in arrays.files
                    if name != _SETTINGS
                }
        except (OSError, BadZipFile, KeyError, ValueError, TypeError) as error:
            raise ModelError(
                f"{path} does not hold weights of this program: {error}.",
                action="Give a .npz or .pt file that models.train wrote.",
            ) from error
    network = build(settings)
    load_weights(network, weights, path)
    return network.eval()


def build(settings: Settings) -> FaceNetwork:
    """A network of these settings with random weights."""
    return MobileFaceNet(settings) if isinstance(settings, NetworkSettings) else IrResNet(settings)


def load_weights(network: FaceNetwork, weights: dict[str, Tensor], path: Path) -> None:
    """Copy weights into a network. Raises ModelError naming the file if they are another's."""
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        first = str(error).strip().splitlines()[-1].strip()
        raise ModelError(
            f"{path} holds the weights of another network: {first}",
            action="Give a checkpoint made with the same [network] table.",
        ) from error


def _values(settings: Settings) -> dict[str, Any]:
    values = dataclasses.asdict(settings)
    return values if isinstance(settings, NetworkSettings) else {"name": IR_RESNET, **values}


def _settings(values: dict[str, Any]) -> Settings:
    if values.get("name") == IR_RESNET:
        first, second, third, fourth = (int(count) for count in values["units"])
        return IrResNetSettings(
            input_hw=(int(values["input_hw"][0]), int(values["input_hw"][1])),
            embedding_size=int(values["embedding_size"]),
            units=(first, second, third, fourth),
            dropout=float(values["dropout"]),
            norm=values["norm"],
        )
    return NetworkSettings(
        input_hw=(int(values["input_hw"][0]), int(values["input_hw"][1])),
        embedding_size=int(values["embedding_size"]),
        activation=values["activation"],
        norm=values["norm"],
        table=tuple(tuple(int(n) for n in row) for row in values["table"]),  # type: ignore[misc]
        slopes=tuple(float(slope) for slope in values["slopes"]),
        stem_channels=int(values.get("stem_channels", STEM_CHANNELS)),
    )
