"""How well one network tells pairs of pictures apart: the folds, all pairs, and the curve."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attendance.types import FloatArray
from inference.manifest import ModelEntry
from models.embedding_pass import EmbeddingPass, picture_name
from models.lfw import (
    Faces,
    Pair,
    Roc,
    count_pairs,
    fold_accuracies,
    fold_decisions,
    pair_blocks,
    pair_similarities,
    roc,
)

_BINS = 40_000


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one network reached. Rates are fractions; stage_ms: median by stage, embed a crop.

    decisions: bool, which of the protocol's pairs are called one person. embedding_size: numbers
    in an embedding.
    """

    accuracy: float
    std: float
    decisions: NDArray[np.bool_]
    roc: Roc
    detected: int
    images: int
    pairs: int
    undetected: tuple[str, ...]
    stage_ms: dict[str, float]
    entry: ModelEntry
    embedding_size: int


@dataclass(frozen=True, slots=True)
class Curve:
    """True accept rate over false accept rate as the threshold falls: float64 (K,), both rising.

    impostor_pairs: what the smallest rate above zero rests on.
    """

    far: NDArray[np.float64]
    tar: NDArray[np.float64]
    impostor_pairs: int


def score_pairs(taken: EmbeddingPass, pairs: Sequence[Pair]) -> tuple[Evaluation, ...]:
    """Score every network of one pass on the protocol's pairs and on all pairs of pictures."""
    return tuple(_score(taken, pairs, network=index) for index in range(len(taken.entries)))


def _score(taken: EmbeddingPass, pairs: Sequence[Pair], *, network: int) -> Evaluation:
    faces, vectors = taken.faces, taken.vectors[network]
    same = np.array([pair.same for pair in pairs])
    folds = np.array([pair.fold for pair in pairs], np.int64)
    similarities = pair_similarities(pairs, dict(zip(faces.pictures, vectors, strict=True)))
    accuracies = fold_accuracies(similarities, same, folds)
    return Evaluation(
        accuracy=statistics.fmean(accuracies),
        std=statistics.pstdev(accuracies),
        decisions=fold_decisions(similarities, same, folds),
        roc=roc(vectors, faces.people, undetected=faces.lost_people.tolist()),
        detected=len(faces.pictures),
        images=len(faces.pictures) + len(faces.lost),
        pairs=len(pairs),
        undetected=tuple(picture_name(picture) for picture in faces.lost),
        stage_ms=taken.stage_ms[network],
        entry=taken.entries[network],
        embedding_size=vectors.shape[1],
    )


def curve(vectors: FloatArray, faces: Faces) -> Curve:
    """The whole ROC over all pairs of pictures, thresholds 0.00005 apart.

    vectors: unit embeddings float32 (N, D) in the order of the faces. Pairs with a picture without
    a face are accepted at no threshold, so that the curve may end below 1.
    """
    genuine = np.zeros(_BINS, np.int64)
    impostor = np.zeros(_BINS, np.int64)
    for block in pair_blocks(faces.people, vectors):
        (similarities,) = block.similarities
        places = ((similarities + 1) * (_BINS / 2)).astype(np.int64).clip(0, _BINS - 1)
        genuine += np.bincount(places[block.genuine], minlength=_BINS)
        impostor += np.bincount(places[block.impostor], minlength=_BINS)
    genuine_pairs, impostor_pairs = count_pairs(faces.everyone)
    return Curve(
        far=_from_the_top(impostor) / max(impostor_pairs, 1),
        tar=_from_the_top(genuine) / max(genuine_pairs, 1),
        impostor_pairs=impostor_pairs,
    )


def _from_the_top(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """How many lie at or above each threshold, from the highest threshold down."""
    return np.concatenate([[0], np.cumsum(counts[::-1])]).astype(np.float64)
