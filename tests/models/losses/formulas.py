"""The parts of the formulas, written a second time: NumPy, float64, one row after the other."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float64]


def cosine(first: Rows, second: Rows) -> float:
    return float(first @ second / np.sqrt((first @ first) * (second @ second)))


def angle(cosine_value: float) -> float:
    return float(np.arccos(np.clip(cosine_value, -1, 1)))


def cross_entropy(logits: Sequence[Sequence[float]], labels: Sequence[int]) -> float:
    """Mean of −log( e^own / Σ e^each )."""
    losses = []
    for row, label in zip(logits, labels, strict=True):
        numbers = np.array(row)
        top = numbers.max()
        losses.append(top + np.log(np.exp(numbers - top).sum()) - numbers[label])
    return float(np.mean(losses))


def margin_softmax(
    embeddings: Rows,
    labels: Sequence[int],
    weight: Rows,
    *,
    scale: float | None,
    own: Callable[[float], float],
    centres: int = 1,
) -> float:
    """own: from the angle θ to the own class in radians to what replaces cos θ."""
    logits: list[list[float]] = []
    for x, label in zip(embeddings, labels, strict=True):
        row = []
        for j in range(len(weight) // centres):
            best = max(cosine(x, weight[j * centres + k]) for k in range(centres))
            value = own(angle(best)) if j == label else best
            row.append(value * (float(np.linalg.norm(x)) if scale is None else scale))
        logits.append(row)
    return cross_entropy(logits, labels)
