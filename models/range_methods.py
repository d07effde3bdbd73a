"""Ways to choose the range that 256 steps cover: how much of a tensor is clipped, and why."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.graph import Graph
from models.ranges import run_tensors, usual_tensor

Range = tuple[float, float]
_BINS = 4096
_STEPS = 255
_SHRINKS = np.linspace(0.3, 1.0, 71)


@dataclass(frozen=True, slots=True)
class Observed:
    """What one tensor did on the calibration crops.

    reached: float32 (crops, channels, 2), low and high of each channel in each crop.
    counts: int64 (bins,), how many values fell between the lowest and the highest of all crops.
    """

    reached: NDArray[np.float32]
    counts: NDArray[np.int64]

    @property
    def whole(self) -> Range:
        """The lowest and the highest value of all crops."""
        return float(self.reached[..., 0].min()), float(self.reached[..., 1].max())


@dataclass(frozen=True, slots=True)
class Method:
    """One way to choose a range. name: as the table and the file's metadata have it."""

    name: str
    choose: Callable[[Observed], Range]


def min_max(seen: Observed) -> Range:
    """Everything that was seen: nothing is clipped."""
    return seen.whole


def percentile(share: float) -> Callable[[Observed], Range]:
    """The range that leaves out 1 − share of all values at either end."""

    def choose(seen: Observed) -> Range:
        low, high = seen.whole
        edges = np.linspace(low, high, len(seen.counts) + 1)
        below = np.cumsum(seen.counts) / max(int(seen.counts.sum()), 1)
        first = int(np.searchsorted(below, 1 - share, side="right"))
        last = int(np.searchsorted(below, share, side="left"))
        return float(edges[min(first, len(seen.counts) - 1)]), float(edges[last + 1])

    return choose


def share_of_crops(share: float) -> Callable[[Observed], Range]:
    """The range that this share of the crops stays within."""
    return lambda seen: usual_tensor(seen.reached, share)


def least_error(seen: Observed) -> Range:
    """The range with the smallest mean squared error of rounding and clipping together."""
    low, high = seen.whole
    edges = np.linspace(low, high, len(seen.counts) + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    lows = np.unique(np.minimum(low, 0.0) * _SHRINKS)
    highs = np.unique(np.maximum(high, 0.0) * _SHRINKS)
    best, error = (low, high), np.inf

    def cost(a: float, b: float) -> float:
        clipped = middles - np.clip(middles, a, b)
        rounding = ((b - a) / _STEPS) ** 2 / 12
        return float(seen.counts @ (clipped**2)) + rounding * float(seen.counts.sum())

    # One end after the other: the two interact only through the step.
    for a in lows:
        if (found := cost(float(a), max(high, 0.0))) < error:
            best, error = (float(a), max(high, 0.0)), found
    for b in highs:
        if (found := cost(best[0], float(b))) < error:
            best, error = (best[0], float(b)), found
    return best


METHODS = (
    Method("min-max", min_max),
    Method("percentile 99.999", percentile(0.99999)),
    Method("percentile 99.99", percentile(0.9999)),
    Method("percentile 99.9", percentile(0.999)),
    Method("95 % of crops", share_of_crops(0.95)),
    Method("85 % of crops", share_of_crops(0.85)),
    Method("least squared error", least_error),
)


def observe_values(
    graph: Graph,
    names: Sequence[str],
    crops_bgr: NDArray[np.uint8],
    *,
    reached: Mapping[str, NDArray[np.float32]],
    threads: int,
) -> dict[str, Observed]:
    """Count the values of the named tensors; reached: what `observe` gave for the same crops."""
    counts = {name: np.zeros(_BINS, np.int64) for name in names}
    spans = {
        name: (float(reached[name][..., 0].min()), float(reached[name][..., 1].max()))
        for name in names
    }
    for batch in run_tensors(graph, names, crops_bgr, threads=threads):
        for name, values in batch.items():
            low, high = spans[name]
            if high <= low:
                high = low + 1e-6
            counts[name] += np.histogram(values, bins=_BINS, range=(low, high))[0]
    return {name: Observed(reached[name], counts[name]) for name in names}
