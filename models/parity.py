"""Whether a file computes what it should: against PyTorch, against float32, and all in bytes."""

import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from attendance.types import FloatArray
from models.crops import network_input
from models.errors import BuildError

_BATCH = 32
_FLOAT_ALLOWED = frozenset(
    {"QuantizeLinear", "DequantizeLinear", "Transpose", "Reshape", "LpNormalization", "Clip"}
)


@dataclass(frozen=True, slots=True)
class Parity:
    """How far two sets of embeddings of the same crops lie apart."""

    max_difference: float
    least_cosine: float
    mean_cosine: float

    def __str__(self) -> str:
        return (
            f"max |Δ| {self.max_difference:.1e}, cosine mean {self.mean_cosine:.6f}, "
            f"least {self.least_cosine:.6f}"
        )


def compare(one: FloatArray, other: FloatArray) -> Parity:
    """Compare unit embeddings (N, E) row by row."""
    cosines = np.sum(one.astype(np.float64) * other, axis=1)
    return Parity(
        max_difference=float(np.abs(one - other).max()),
        least_cosine=float(cosines.min()),
        mean_cosine=float(cosines.mean()),
    )


def require(parity: Parity, *, what: str, tolerance: float) -> None:
    """Raise BuildError if a component differs by more than the tolerance, or is not a number."""
    if not parity.max_difference <= tolerance:
        raise BuildError(
            f"{what} does not compute what PyTorch does: {parity}; allowed is a difference of "
            f"{tolerance:g}.",
            action="Do not ship it; allow more with --tolerance only if you know why.",
        )


def onnx_embeddings(
    content: bytes, crops_bgr: NDArray[np.uint8], *, threads: int, mirrored: bool
) -> FloatArray:
    """Unit embeddings (N, E) of crops uint8 (N, 112, 96, 3) by an embedder's file.

    mirrored: the embedding of each crop's mirror image is added, as the kiosk does for a network
    that was not trained for one run.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    parts = []
    for start in range(0, len(crops_bgr), _BATCH):
        batch = network_input(crops_bgr[start : start + _BATCH])
        (vectors,) = session.run(["embeddings"], {"crops": batch})
        if mirrored:
            turned = np.ascontiguousarray(batch[..., ::-1])
            vectors = vectors + session.run(["embeddings"], {"crops": turned})[0]
        parts.append(vectors)
    made = np.concatenate(parts)
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)


def operators_as_run(content: bytes) -> Mapping[str, int]:
    """How often each operator stands in the graph ONNX Runtime makes of a file on this machine."""
    with tempfile.TemporaryDirectory() as folder:
        options = ort.SessionOptions()
        options.optimized_model_filepath = str(Path(folder) / "optimised.onnx")
        options.log_severity_level = 3  # it warns that such a file is for this machine only
        ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        graph = onnx.load(options.optimized_model_filepath).graph
    return Counter(node.op_type for node in graph.node)


def left_in_float(operators: Mapping[str, int]) -> dict[str, int]:
    """What a quantised file still computes in float32, besides its very ends.

    The last convolution gives the embedding itself and stays float32.
    """
    rest = {
        name: count
        for name, count in operators.items()
        if not name.startswith("QLinear") and name not in _FLOAT_ALLOWED
    }
    rest["Conv"] = rest.get("Conv", 0) - 1
    return {name: count for name, count in rest.items() if count > 0}
