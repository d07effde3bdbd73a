"""How well embeddings keep classes together and apart, by angle."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attendance.types import FloatArray

Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean angles in degrees.

    intra_deg: between an embedding and the mean direction of its class; inter_deg: between the
    mean direction of a class and the nearest of another class. As in table 3 of the ArcFace paper
    (arXiv 1801.07698), on unseen pictures.
    """

    intra_deg: float
    inter_deg: float


def unit_length(rows: FloatArray) -> FloatArray:
    """Rows (N, E) over their lengths; a row of zeros stays."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def mean_directions(embeddings: FloatArray, labels: Labels) -> FloatArray:
    """The unit length mean of each class's unit length embeddings, in the order of the labels."""
    rows = unit_length(embeddings)
    means = np.stack([rows[labels == label].mean(0) for label in np.unique(labels)])
    return unit_length(means)


def spread(embeddings: FloatArray, labels: Labels) -> Spread:
    """embeddings: (N, E), of any length; labels: (N), two classes or more."""
    rows = unit_length(embeddings)
    centres = mean_directions(embeddings, labels)
    own = centres[np.searchsorted(np.unique(labels), labels)]
    between = _degrees(centres @ centres.T)
    np.fill_diagonal(between, np.inf)
    return Spread(
        float(_degrees((rows * own).sum(1)).mean()),
        float(between.min(1).mean()),
    )


def nearest_neighbour_accuracy(embeddings: FloatArray, labels: Labels) -> float:
    """The share of embeddings whose nearest other one, by angle, is of the same class.

    Each in turn is the unknown, all others are the gallery; (N, E) of any length, N ≥ 2.
    """
    rows = unit_length(embeddings)
    right = 0
    for start in range(0, len(rows), 1024):
        part = rows[start : start + 1024]
        apart = ((part[:, None, :] - rows[None, :, :]) ** 2).sum(2)
        apart[np.arange(len(part)), np.arange(start, start + len(part))] = np.inf
        right += int((labels[apart.argmin(1)] == labels[start : start + 1024]).sum())
    return right / len(rows)


def _degrees(cosines: FloatArray) -> FloatArray:
    return np.asarray(np.degrees(np.arccos(cosines.clip(-1, 1))), dtype=np.float32)
