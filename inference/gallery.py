"""All templates of active people as one read-only matrix, and the search in it."""

import itertools
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from attendance.errors import ModelError
from attendance.types import EMBEDDING_SIZE, Embedding, FloatArray, Match

_UNIT_TOLERANCE = 1e-3
_MAX_THRESHOLD = 0.95
# Up to here one thread is fast enough (20,000 rows: 0.6 ms) and never waits: the matrix product
# splits its work over all cores, and on two busy ones 10,000 rows took 0.1 ms or 16.
_ROWS_ALONE = 20_000


class MatrixGallery:
    """Templates grouped by person. Immutable, so any thread may search; replaced by reference."""

    def __init__(
        self,
        model_id: str,
        staff_ids: Sequence[str],
        vectors: FloatArray,
        *,
        thresholds: Mapping[str, float],
    ) -> None:
        """Take one staff id and one template for each row.

        vectors: float32 (N, 128), unit length; copied unless read-only. thresholds: cosine by
        false match rate, as in the manifest. Raises ValueError if shapes differ or a row is not
        of unit length.
        """
        matrix = np.ascontiguousarray(vectors, np.float32).reshape(-1, EMBEDDING_SIZE)
        if len(matrix) != len(staff_ids) or matrix.size != np.size(vectors):
            raise ValueError(f"{len(staff_ids)} staff ids for templates {np.shape(vectors)}")
        squares = np.einsum("nd,nd->n", matrix, matrix)
        if not (np.abs(squares - 1) <= 2 * _UNIT_TOLERANCE).all():
            raise ValueError("a template is not of unit length")
        order = sorted(range(len(staff_ids)), key=staff_ids.__getitem__)
        if order != list(range(len(order))):
            matrix = matrix[order]
        elif np.shares_memory(matrix, vectors) and vectors.flags.writeable:
            matrix = matrix.copy()
        matrix.flags.writeable = False
        ordered = [staff_ids[row] for row in order]
        starts = [row for row, one in enumerate(ordered) if row == 0 or one != ordered[row - 1]]
        self._matrix = matrix
        self._starts = np.asarray(starts, np.intp)
        self._people = tuple(ordered[row] for row in starts)
        self._model_id = model_id
        self._thresholds = MappingProxyType(dict(thresholds))

    @property
    def model_id(self) -> str:
        return self._model_id

    @property
    def thresholds(self) -> Mapping[str, float]:
        return self._thresholds

    @property
    def template_count(self) -> int:
        return len(self._matrix)

    def __len__(self) -> int:
        return len(self._people)

    def search(self, embedding: Embedding, *, threshold: float) -> Match:
        """Return the nearest person and the runner-up's cosine; of each person the best template.

        Raises ModelError if the embedding was made by another network.
        """
        if embedding.model_id != self._model_id:
            raise ModelError(
                f"The gallery was made with {self._model_id}, but this face was measured with "
                f"{embedding.model_id}.",
                action="Enrol the people again with the model in use.",
            )
        if not self._people:
            return Match(person_id=None, similarity=-1.0, runner_up=-1.0, threshold=threshold)
        similarities = self._similarities(embedding.vec)
        if len(self._people) < len(similarities):
            similarities = np.maximum.reduceat(similarities, self._starts)
        nearest = int(similarities.argmax())
        similarity = _clipped(similarities[nearest])
        runner_up, runner_up_id = -1.0, None
        if len(self._people) > 1:
            similarities[nearest] = -np.inf
            second = int(similarities.argmax())
            runner_up, runner_up_id = _clipped(similarities[second]), self._people[second]
        person = self._people[nearest]
        return Match(
            person_id=person if similarity >= threshold else None,
            similarity=similarity,
            runner_up=runner_up,
            threshold=threshold,
            nearest_id=person,
            runner_up_id=runner_up_id,
        )

    def _similarities(self, vec: FloatArray) -> FloatArray:
        if len(self._matrix) <= _ROWS_ALONE:
            return np.asarray(np.vecdot(self._matrix, vec), np.float32)
        return self._matrix @ vec


def threshold_for(
    thresholds: Mapping[str, float], *, people: int, false_accept_per_look: float, floor: float
) -> float:
    """Return the cosine that one look of a stranger reaches, against so many people, this often.

    With a false match rate p of one comparison and N people the chance is 1 − (1 − p)^N; p is
    solved for and the threshold read off linearly in log10 p, beyond the measured rates along the
    last two. Never below floor, never above 0.95. thresholds: cosine by rate, at least two.
    Raises ModelError if there are fewer, or if they do not rise as the rate falls.
    """
    points = sorted((math.log10(float(rate)), cosine) for rate, cosine in thresholds.items())
    rising = all(a[1] >= b[1] for a, b in itertools.pairwise(points))
    if len(points) < 2 or not rising:
        raise ModelError(
            "The model's thresholds are incomplete.",
            action="Measure them with `python -m models.evaluate --write`.",
        )
    rate = -math.expm1(math.log1p(-false_accept_per_look) / max(people, 1))
    x = math.log10(rate)
    inner = [point for point in points[1:-1] if point[0] <= x]
    left = points.index(inner[-1]) if inner else 0
    (x0, y0), (x1, y1) = points[left], points[left + 1]
    cosine = y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return min(max(cosine, floor), max(_MAX_THRESHOLD, floor))


def _clipped(similarity: np.float32) -> float:
    return float(min(max(similarity, np.float32(-1)), np.float32(1)))
