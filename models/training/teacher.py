"""What a student learns from: the teacher's embeddings and feature maps of the very same crops."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from models.graph import to_bytes
from models.networks.mobilefacenet import MobileFaceNet
from models.networks.to_graph import to_graph
from models.rewrite import split_prelu

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Targets:
    """embeddings: (N, E), unit length; features: one (N, C, h, w) for each tap."""

    embeddings: Float32
    features: tuple[Float32, ...]


class Teacher:
    """The imported network under ONNX Runtime, which is two to three times faster than PyTorch.

    It runs on every augmented crop anew: its target fits the picture the student sees, at about a
    third of the student's cost. With `mirrored`, the embedding of the mirrored crop is added.
    """

    def __init__(
        self, network: MobileFaceNet, *, taps: Sequence[int], mirrored: bool, threads: int
    ) -> None:
        graph = to_graph(network, taps=taps)
        split_prelu(graph)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        file = to_bytes(graph)
        self._session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        self.digest = hashlib.sha256(file + bytes([mirrored])).hexdigest()
        """Which teacher this is: its weights, its taps, and whether it adds the mirrored crop."""
        self.embedding_size = network.settings.embedding_size
        self._names = [f"tap_{tap}" for tap in taps]
        self.mirrored = mirrored

    def targets(self, inputs: Float32) -> Targets:
        """inputs: float32 (N, 3, 112, 112), RGB, (x − 127.5) / 128."""
        embeddings, *features = self._session.run(["embeddings", *self._names], {"crops": inputs})
        embeddings = unit_rows(embeddings)
        if self.mirrored:
            mirrored = np.ascontiguousarray(inputs[:, :, :, ::-1])
            (others,) = self._session.run(["embeddings"], {"crops": mirrored})
            embeddings = unit_rows(embeddings + unit_rows(others))
        return Targets(embeddings, tuple(features))

    def targets_of_pairs(self, inputs: Float32) -> Targets:
        """The same for crops of which the second half are the mirrors of the first, in one run
        each: both halves get the sum of the two embeddings, whatever `mirrored` says."""
        embeddings, *features = self._session.run(["embeddings", *self._names], {"crops": inputs})
        first, second = np.split(unit_rows(embeddings), 2)
        both = unit_rows(first + second)
        return Targets(np.concatenate([both, both]), tuple(features))


def unit_rows(rows: Float32) -> Float32:
    """Each row at length one."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-12)
