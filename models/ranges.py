"""What tensors reach on faces: measured once, stored beside the weights, read by the build."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper

from models.crops import network_input
from models.errors import BuildError
from models.graph import Graph, to_onnx

_BATCH = 8


@dataclass(frozen=True, slots=True)
class Ranges:
    """The calibration of one int8 network.

    channels: tensor to float32 (channels, 2), before equalisation. tensors: tensor to (low, high)
    of the equalised network in split form. note: how they were measured.
    """

    channels: dict[str, NDArray[np.float32]]
    tensors: dict[str, tuple[float, float]]
    note: str


def write_ranges(ranges: Ranges, path: Path) -> None:
    """Store the ranges as one .npz file, rounded to float32."""
    arrays: dict[str, NDArray[np.generic]] = {"note": np.array(ranges.note)}
    arrays |= {f"channels/{name}": array for name, array in sorted(ranges.channels.items())}
    arrays |= {
        f"tensors/{name}": np.array(pair, np.float32)
        for name, pair in sorted(ranges.tensors.items())
    }
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


def read_ranges(path: Path) -> Ranges:
    """The stored ranges. Raises BuildError if the file is missing or unusable."""
    try:
        with np.load(path) as arrays:
            note = str(arrays["note"])
            channels = {
                name.removeprefix("channels/"): arrays[name]
                for name in arrays.files
                if name.startswith("channels/")
            }
            tensors = {
                name.removeprefix("tensors/"): (float(arrays[name][0]), float(arrays[name][1]))
                for name in arrays.files
                if name.startswith("tensors/")
            }
    except (OSError, ValueError, KeyError) as error:
        raise BuildError(
            f"{path} cannot be read: {error}.",
            action="Make it with `python -m models.calibrate ranges --crops FOLDER`.",
        ) from error
    return Ranges(channels=channels, tensors=tensors, note=note)


def observe(
    graph: Graph, names: Sequence[str], crops_bgr: NDArray[np.uint8], *, threads: int
) -> dict[str, NDArray[np.float32]]:
    """What each channel of the named tensors reaches in each crop: (crops, channels, 2), low, high.

    crops_bgr: uint8 (N, 112, 96, 3).
    """
    found: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
    for batch in run_tensors(graph, names, crops_bgr, threads=threads):
        for name, values in batch.items():
            flat = values.reshape(*values.shape[:2], -1)
            found[name].append(np.stack([flat.min(axis=2), flat.max(axis=2)], axis=2))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def run_tensors(
    graph: Graph, names: Sequence[str], crops_bgr: NDArray[np.uint8], *, threads: int
) -> Iterator[dict[str, NDArray[np.float32]]]:
    """The named tensors, a batch of crops at a time; the network's input may be one of them."""
    source = graph.inputs[0].name
    computed = [name for name in names if name != source]
    model = to_onnx(graph)
    ported = {port.name for port in graph.outputs}
    model.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        for name in computed
        if name not in ported
    )
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    for start in range(0, len(crops_bgr), _BATCH):
        feed = {source: network_input(crops_bgr[start : start + _BATCH])}
        made = dict(zip(computed, session.run(computed, feed), strict=True))
        yield {name: feed[source] if name == source else made[name] for name in names}


def usual_channels(reached: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """Per channel (channels, 2): the low and high that a share of the crops stays within."""
    low = np.quantile(reached[:, :, 0], 1 - share, axis=0)
    high = np.quantile(reached[:, :, 1], share, axis=0)
    return np.stack([low, high], axis=1).astype(np.float32)


def usual_tensor(reached: NDArray[np.float32], share: float) -> tuple[float, float]:
    """The low and high over all channels that a share of the crops stays within."""
    low = np.quantile(reached[:, :, 0].min(axis=1), 1 - share)
    high = np.quantile(reached[:, :, 1].max(axis=1), share)
    return float(low), float(high)
