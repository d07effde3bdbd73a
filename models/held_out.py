"""How well embeddings tell people apart who were kept out of training: labelled pairs of crops."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attendance.errors import InputError
from attendance.types import FloatArray
from models.training.config import DataSettings
from models.training.data import NARROW, SIDE, CropStore, open_store

MOST_CROPS_A_PERSON = 10
"""One person with many crops would otherwise decide alone."""
LEAST_GENUINE, LEAST_IMPOSTOR = 200, 10_000
_RESAMPLES = 200
_MARGIN = (SIDE - NARROW) // 2


@dataclass(frozen=True, slots=True)
class HeldOutCrops:
    """crops_bgr: uint8 (N, 112, 96, 3); people: int64 (N,), one number a person."""

    crops_bgr: NDArray[np.uint8]
    people: NDArray[np.int64]

    def with_mirror_images(self) -> NDArray[np.uint8]:
        """The crops, then their mirror images: uint8 (2 N, 112, 96, 3).

        Four comparisons for each pair: rounding moves each a little differently, so that what 8
        bits cost shows in fewer people.
        """
        return np.concatenate([self.crops_bgr, self.crops_bgr[:, :, ::-1]])

    @property
    def person_count(self) -> int:
        return len(np.unique(self.people))

    @property
    def pair_counts(self) -> tuple[int, int]:
        """Genuine and impostor pairs."""
        counts = np.unique(self.people, return_counts=True)[1]
        genuine = int((counts * (counts - 1) // 2).sum())
        return genuine, len(self.people) * (len(self.people) - 1) // 2 - genuine


@dataclass(frozen=True, slots=True)
class PairFigures:
    """Over all held-out pairs, as fractions.

    accuracy: mean of the shares of genuine and of impostor pairs that are told right, at the best
    single threshold. tar: share of genuine pairs above the threshold, by false match rate.
    right, pairs: int64 (P, P), for each two people how many pairs are told right at the best
    threshold, and of how many; genuine pairs on the diagonal, the others above it.
    """

    accuracy: float
    tar: dict[str, float]
    right: NDArray[np.int64]
    pairs: NDArray[np.int64]

    def accuracy_of(self, times: NDArray[np.int64]) -> float:
        """The accuracy, at the same threshold, if each person were there so many times: (P,)."""
        both = np.triu(np.outer(times, times), 1)
        genuine = float(times @ self.right.diagonal()), float(times @ self.pairs.diagonal())
        impostor = float(np.sum(both * self.right)), float(np.sum(both * self.pairs))
        return (genuine[0] / max(genuine[1], 1) + impostor[0] / max(impostor[1], 1)) / 2


def loss_error(exact: PairFigures, rounded: PairFigures, *, seed: int = 0) -> float:
    """Standard error of the accuracy that one loses against the other on the same crops.

    By bootstrap over people, as in models.thresholds; both see the same people drawn.
    """
    random = np.random.default_rng(seed)
    count = len(exact.right)
    drawn = (
        np.bincount(random.integers(0, count, count), minlength=count) for _ in range(_RESAMPLES)
    )
    return float(np.std([exact.accuracy_of(t) - rounded.accuracy_of(t) for t in drawn]))


def open_crops(folder: Path, *, held_out_of_32: int, cache_dir: Path) -> CropStore:
    """The shards of a folder, decoded. Raises InputError if it is missing or holds no shard."""
    if not folder.is_dir():
        raise InputError(
            f"There is no folder {folder} with crops.", action="Give the shards' folder as --crops."
        )
    if not any(folder.glob("*.tar")):
        raise InputError(
            f"{folder} holds no .tar shard.", action="Give the shards' folder as --crops."
        )
    settings = DataSettings(shards=str(folder.resolve()), held_out_of_32=held_out_of_32)
    return open_store(settings, base_dir=Path(), cache_dir=cache_dir)


def held_out_crops(
    store: CropStore,
    *,
    least_genuine: int = LEAST_GENUINE,
    least_impostor: int = LEAST_IMPOSTOR,
) -> HeldOutCrops:
    """The labelled crops of the identities kept out of training, at most ten a person.

    Raises InputError if their pairs are too few to choose anything by.
    """
    rows = np.flatnonzero(store.held_out & (store.labels >= 0))
    kept = [
        own[np.linspace(0, len(own) - 1, min(len(own), MOST_CROPS_A_PERSON)).astype(np.int64)]
        for own in (rows[store.labels[rows] == label] for label in np.unique(store.labels[rows]))
    ]
    chosen = np.sort(np.concatenate(kept)) if kept else rows
    found = HeldOutCrops(narrow(store, chosen), store.labels[chosen])
    genuine, impostor = found.pair_counts
    if genuine < least_genuine or impostor < least_impostor:
        raise InputError(
            f"Only {genuine} genuine and {impostor} impostor pairs of labelled crops are held out "
            f"of training; choosing by them needs {least_genuine} and {least_impostor}.",
            action="Give more labelled crops, or a larger --held-out-of-32 if the training did.",
        )
    return found


def calibration_crops(store: CropStore, count: int) -> NDArray[np.uint8]:
    """So many training crops, evenly spaced: uint8 (N, 112, 96, 3).

    Raises InputError if all crops are held out.
    """
    rows = np.flatnonzero(~store.held_out)
    if not len(rows):
        raise InputError("Every crop is held out of training.", action="Give more crops.")
    return narrow(store, rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)])


def narrow(store: CropStore, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The middle 96 columns of these crops: uint8 (N, 112, 96, 3)."""
    return np.ascontiguousarray(store.crops[rows][:, :, _MARGIN : _MARGIN + NARROW])


def measure_pairs(embeddings: FloatArray, people: NDArray[np.int64]) -> PairFigures:
    """Compare all pairs of crops.

    embeddings: float32 (N, E) or, of the crops and then of their mirror images, (2 N, E), unit
    length; people: (N,). A false match rate that the impostor pairs cannot resolve is left out of
    tar. Raises ValueError if there is no genuine or no impostor pair.
    """
    first, second = np.triu_indices(len(people), 1)
    copies = embeddings.reshape(-1, len(people), embeddings.shape[1])
    cosines = np.stack([(one @ other.T)[first, second] for one in copies for other in copies])
    same = people[first] == people[second]
    genuine, impostor = np.sort(cosines[:, same].ravel()), np.sort(cosines[:, ~same].ravel())
    if not len(genuine) or not len(impostor):
        raise ValueError("there are no genuine pairs, or no impostor pairs")
    thresholds = np.concatenate([genuine, [np.inf]])
    accepted = 1 - np.searchsorted(genuine, thresholds, side="left") / len(genuine)
    refused = np.searchsorted(impostor, thresholds, side="left") / len(impostor)
    best = int((accepted + refused).argmax())
    names, numbers = np.unique(people, return_inverse=True)
    places = np.minimum(numbers[first], numbers[second]) * len(names)
    places += np.maximum(numbers[first], numbers[second])
    told_right = np.sum((cosines >= thresholds[best]) == same, axis=0)

    def by_people(counts: NDArray[np.int64]) -> NDArray[np.int64]:
        sums = np.bincount(places, weights=counts, minlength=len(names) ** 2)
        return sums.reshape(len(names), len(names)).astype(np.int64)

    tar = {}
    for rate in ("1e-3", "1e-4"):
        allowed = int(float(rate) * len(impostor))
        if allowed:
            threshold = impostor[len(impostor) - 1 - allowed]
            tar[rate] = float(np.mean(genuine > threshold))
    return PairFigures(
        accuracy=float(accepted[best] + refused[best]) / 2,
        tar=tar,
        right=by_people(told_right),
        pairs=by_people(np.full(len(first), len(cosines))),
    )
