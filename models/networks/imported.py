"""The published MobileFaceNet as a PyTorch network: the teacher, and the start of a student."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from attendance.errors import ModelError
from models.networks.mobilefacenet import MobileFaceNet, NetworkSettings

TEACHER_HW = (112, 112)


def load_teacher(weights: Path) -> MobileFaceNet:
    """The imported network, exact, with PReLUs and without the widening of its input.

    weights: the shipped fp32 file with PRelu nodes. The result takes whole 112 × 112 crops, of
    which a 112 × 96 crop is the middle. Raises ModelError if the file cannot be read or holds
    another network.
    """
    try:
        graph = onnx.load(str(weights)).graph
    except (OSError, DecodeError) as error:
        raise ModelError(
            f"The teacher {weights} cannot be read: {error}.",
            action="Run python -m models.build, or name another file in [distill] teacher.",
        ) from error
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] in arrays:
            arrays[node.output[0]] = arrays[node.input[0]].astype(np.float32)
    convs = [node for node in graph.node if node.op_type == "Conv"]
    prelus = [node for node in graph.node if node.op_type == "PRelu"]
    if not convs or not all(name in arrays for name in convs[-1].input[1:]):
        raise _another_network(weights, "it has no convolutions with constant weights")
    settings = NetworkSettings(
        input_hw=TEACHER_HW,
        embedding_size=arrays[convs[-1].input[1]].shape[0],
        activation="prelu",
        norm="none",
    )
    network = MobileFaceNet(settings)
    units = network.units()
    if (len(convs), len(prelus)) != (len(units), settings.activation_count):
        raise _another_network(weights, f"{len(convs)} convolutions and {len(prelus)} PRelu nodes")
    slopes = iter(prelus)
    with torch.no_grad():
        for unit, conv in zip(units, convs, strict=True):
            _copy(unit.conv.weight, arrays, conv.input[1], weights)
            if unit.conv.bias is not None:
                _copy(unit.conv.bias, arrays, conv.input[2], weights)
            if isinstance(unit.activation, nn.PReLU):
                _copy(unit.activation.weight, arrays, next(slopes).input[1], weights)
    return network.eval()


def _copy(
    target: Tensor, arrays: Mapping[str, NDArray[np.generic]], name: str, weights: Path
) -> None:
    values = arrays[name].astype(np.float32)
    if values.size != target.numel():
        raise _another_network(weights, f"{name} has shape {values.shape}")
    target.copy_(torch.from_numpy(values.reshape(tuple(target.shape))))


def _another_network(weights: Path, found: str) -> ModelError:
    return ModelError(
        f"The teacher {weights} is not the imported MobileFaceNet with PRelu nodes: {found}.",
        action="Give mobilefacenet-prelu-fp32.onnx, which python -m models.build writes.",
    )
