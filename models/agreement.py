"""How far two networks agree on the same crops: their embeddings, and what is decided by them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from attendance.types import FloatArray
from models.embedding_pass import EmbeddingPass
from models.lfw import Faces, pair_blocks
from models.verification import Evaluation

RATE = "1e-4"


@dataclass(frozen=True, slots=True)
class Differences:
    """Pairs of pictures that two networks decide differently, each at its own threshold.

    first_only, second_only: pairs that only that network calls one person.
    """

    pairs: int
    first_only: int
    second_only: int

    @property
    def share(self) -> float:
        return (self.first_only + self.second_only) / self.pairs if self.pairs else 0.0


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two networks (by their place in the pass) on the same crops.

    cosine_*: between the two embeddings of one crop, None if there is no crop. protocol: the
    protocol's pairs, thresholds of the folds. genuine, impostor: all pairs of pictures at the
    thresholds for FAR 1e-4, None if there are too few impostor pairs for one.
    """

    first: int
    second: int
    one_network: bool
    cosine_mean: float | None
    cosine_p1: float | None
    cosine_min: float | None
    protocol: Differences
    genuine: Differences | None
    impostor: Differences | None


def agreements(taken: EmbeddingPass, found: Sequence[Evaluation]) -> tuple[Agreement, ...]:
    """Compare the only two networks of a pass; of more, every two that have one model id."""
    indices = combinations(range(len(found)), 2)
    return tuple(
        _agreement(taken, found, first=first, second=second)
        for first, second in indices
        if len(found) == 2 or taken.entries[first].model_id == taken.entries[second].model_id
    )


def _agreement(
    taken: EmbeddingPass, found: Sequence[Evaluation], *, first: int, second: int
) -> Agreement:
    a, b = taken.vectors[first], taken.vectors[second]
    cosines = np.einsum("nd,nd->n", a, b)
    differ_genuine, differ_impostor = _over_all_pairs(
        taken.faces, (found[first], found[second]), vectors=(a, b)
    )
    one, other = found[first].decisions, found[second].decisions
    return Agreement(
        first=first,
        second=second,
        one_network=taken.entries[first].model_id == taken.entries[second].model_id,
        cosine_mean=float(cosines.mean()) if len(cosines) else None,
        cosine_p1=float(np.quantile(cosines, 0.01)) if len(cosines) else None,
        cosine_min=float(cosines.min()) if len(cosines) else None,
        protocol=Differences(
            pairs=len(one),
            first_only=int((one & ~other).sum()),
            second_only=int((other & ~one).sum()),
        ),
        genuine=differ_genuine,
        impostor=differ_impostor,
    )


def _over_all_pairs(
    faces: Faces, found: tuple[Evaluation, Evaluation], *, vectors: tuple[FloatArray, FloatArray]
) -> tuple[Differences | None, Differences | None]:
    if not all(RATE in one.roc.thresholds for one in found):
        return None, None
    thresholds = [one.roc.thresholds[RATE] for one in found]
    counts = np.zeros((2, 2), np.int64)
    for block in pair_blocks(faces.people, *vectors):
        one, other = (
            similarities > threshold
            for similarities, threshold in zip(block.similarities, thresholds, strict=True)
        )
        for kind, mask in enumerate((block.genuine, block.impostor)):
            counts[kind] += (mask & one & ~other).sum(), (mask & other & ~one).sum()
    (genuine_first, genuine_second), (impostor_first, impostor_second) = counts.tolist()
    return (
        Differences(found[0].roc.genuine_pairs, genuine_first, genuine_second),
        Differences(found[0].roc.impostor_pairs, impostor_first, impostor_second),
    )
