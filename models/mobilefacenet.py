"""MobileFaceNet as this project runs it: 112 × 96 crops in, 128-d unit embeddings out."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.equalise import ChannelRanges, equalise_activations, equalise_streams
from models.errors import BuildError
from models.graph import Graph
from models.import_tflite import import_tflite
from models.quantise import Quantiser, split_form
from models.ranges import Ranges
from models.rewrite import (
    flip_signs,
    fold_linear_pairs,
    fuse_prelu,
    normalise_output,
    project_output,
    split_prelu,
    widen_input,
)

PROJECTION_FILE = "mobilefacenet-projection.npz"
MEMBER = "package/android/src/main/assets/MobileFaceNet.tflite"
RANGES_FILE = "mobilefacenet-ranges.npz"
EDGE_COLUMNS = 8
STRENGTH = 0.5
"""Of the equalisation; 0.35 to 1 tried, 0.5 and 0.65 keep the int8 embedding closest to fp32."""
PRELUS = 33
FOLDED = 2


def import_network(data: bytes) -> Graph:
    """The network of the package with its PReLUs as nodes and its linear pairs folded.

    `crops` (N, 3, 112, 112) to `embeddings` (N, 192), not normalised. Raises ValueError if the
    file does not hold the expected 33 PReLUs and two foldable pairs.
    """
    graph = import_tflite(data, name="mobilefacenet")
    graph.rename(graph.inputs[0].name, "crops")
    graph.rename(graph.outputs[0].name, "embeddings")
    prelus, folded = fuse_prelu(graph), fold_linear_pairs(graph)
    if (prelus, folded) != (PRELUS, FOLDED):
        raise ValueError(f"found {prelus} PReLUs and {folded} linear pairs, not {PRELUS}, {FOLDED}")
    return graph


def exact_network(data: bytes, projection: NDArray[np.float32]) -> Graph:
    """The 112 × 96, 128-d network with PRelu nodes and slopes in [−1, 1], not yet normalised.

    `crops` (N, 3, 112, 96), RGB, (x − 127.5) / 128, to `embeddings` (N, 128).
    projection: (192, 128), orthonormal columns, the directions faces use.
    """
    graph = import_network(data)
    flip_signs(graph)
    project_output(graph, projection)
    widen_input(graph, columns_each_side=EDGE_COLUMNS)
    return graph


def build_prelu(data: bytes, projection: NDArray[np.float32]) -> Graph:
    """The exact network with plain PRelu nodes and unit embeddings: the baseline, and slow."""
    graph = exact_network(data, projection)
    normalise_output(graph)
    return graph


def build_fp32(data: bytes, projection: NDArray[np.float32]) -> Graph:
    """The same function with every PRelu written as two depthwise convolutions and an add."""
    graph = build_prelu(data, projection)
    split_prelu(graph)
    return graph


def equalised_network(
    data: bytes, projection: NDArray[np.float32], channels: ChannelRanges
) -> Graph:
    """The exact network with its channels equalised, in the form that is quantised."""
    graph = exact_network(data, projection)
    equalise_activations(graph, channels, strength=STRENGTH)
    equalise_streams(graph, channels, strength=STRENGTH)
    return split_form(graph)


def build_int8(data: bytes, projection: NDArray[np.float32], ranges: Ranges) -> Graph:
    """The network in static 8 bits; the embedding itself and its length stay float32."""
    graph = equalised_network(data, projection, ranges.channels)
    last = [node for node in graph.nodes if node.op == "Conv"][-1]
    quantised = Quantiser(graph, ranges.tensors, frozenset({last.output})).run()
    normalise_output(quantised)
    return quantised


def read_projection(folder: Path) -> NDArray[np.float32]:
    """The stored projection (192, 128). Raises BuildError if the file is missing or unusable."""
    path = folder / PROJECTION_FILE
    try:
        with np.load(path) as arrays:
            projection = arrays["projection"]
    except (OSError, ValueError, KeyError) as error:
        raise BuildError(
            f"{path} cannot be read: {error}.",
            action="Make it with `python -m models.calibrate projection --crops FOLDER`.",
        ) from error
    return np.asarray(projection, np.float32)


METADATA = {
    "model_id": "mobilefacenet-112x96-128-v1",
    "role": "embed",
    "input_size_hw": "112,96",
    "colour_order": "RGB",
    "mean": "127.5",
    "scale": "0.0078125",
    "embedding_size": "128",
    "template": "112x96-arcface",
    "normalised": "true",
}
FP32_METADATA = METADATA | {"precision": "fp32", "quantisation": "none", "calibration": "none"}
PRELU_METADATA = FP32_METADATA | {"precision": "fp32-prelu"}
INT8_METADATA = METADATA | {
    "precision": "int8",
    "quantisation": "QDQ static, activations uint8 a tensor, weights int8 a channel, no saturation",
    "calibration": "channels equalised; ranges that 85 % of 200 crops stay within",
}
