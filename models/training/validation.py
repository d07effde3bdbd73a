"""How good the student is on crops it never trains on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as nnf

from models.crops import network_input
from models.networks.mobilefacenet import middle_columns
from models.training.checkpoint import FaceNetwork
from models.training.data import CropStore
from models.training.target_cache import cached_embeddings
from models.training.teacher import Float32, Teacher

_CHUNK = 64
_FALSE_MATCH_RATE = 1e-3


@dataclass(frozen=True, slots=True)
class Validation:
    """cosine: mean to the teacher's embedding (nan without a teacher); tar: true accept rate at a
    false match rate of 1e-3 over all labelled held-out pairs (nan where there are too few)."""

    cosine: float
    tar: float

    @property
    def score(self) -> float:
        """What checkpoints are chosen by."""
        return self.tar if np.isnan(self.cosine) else self.cosine


class Validator:
    """The held-out crops, with the teacher's embeddings of them computed once."""

    def __init__(self, store: CropStore, teacher: Teacher | None, *, cache_dir: Path) -> None:
        rows = np.flatnonzero(store.held_out)
        self._inputs = [
            network_input(np.asarray(store.crops[rows[i : i + _CHUNK]]))
            for i in range(0, len(rows), _CHUNK)
        ]
        self._labels = store.labels[rows]
        self._targets = (
            cached_embeddings(teacher, store.crops[rows], directory=cache_dir)
            if teacher is not None
            else None
        )

    def __call__(self, network: FaceNetwork) -> Validation:
        """Measure a network; it is put into evaluation mode."""
        if not self._inputs:
            return Validation(float("nan"), float("nan"))
        network.eval()
        width = network.settings.input_hw[1]
        parts = []
        with torch.inference_mode():
            for inputs in self._inputs:
                narrow = middle_columns(torch.from_numpy(inputs), width)
                narrow = narrow.contiguous(memory_format=torch.channels_last)
                parts.append(nnf.normalize(network(narrow)).numpy())
        embeddings = np.concatenate(parts)
        cosine = (
            float((embeddings * self._targets).sum(1).mean())
            if self._targets is not None
            else float("nan")
        )
        known = self._labels >= 0
        return Validation(cosine, true_accept_rate(embeddings[known], self._labels[known]))


def true_accept_rate(
    embeddings: Float32, labels: NDArray[np.int64], *, false_match_rate: float = _FALSE_MATCH_RATE
) -> float:
    """Share of same-person pairs above the threshold that lets through this share of the others.

    nan where there is no same-person pair or fewer impostor pairs than one over the rate.
    """
    first, second = np.triu_indices(len(embeddings), 1)
    similarities = (embeddings @ embeddings.T)[first, second]
    same = labels[first] == labels[second]
    genuine, impostor = similarities[same], similarities[~same]
    if not len(genuine) or len(impostor) * false_match_rate < 1:
        return float("nan")
    above = int(len(impostor) * false_match_rate)
    threshold = np.partition(impostor, len(impostor) - 1 - above)[len(impostor) - 1 - above]
    return float((genuine > threshold).mean())
