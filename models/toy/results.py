"""The figures of a loss over several runs, and their table."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from models.toy.measures import nearest_neighbour_accuracy, spread
from models.toy.training import Run


@dataclass(frozen=True, slots=True)
class Figure:
    """The mean over runs that differ in their seed; the standard deviation, None for one run."""

    mean: float
    deviation: float | None


@dataclass(frozen=True, slots=True)
class Result:
    """What one loss came to.

    run: the first run in the plane, which is drawn. intra_deg and inter_deg: `measures.Spread` of
    unseen pictures of the trained digits in the plane. strangers_plane and strangers_wide: the
    1-nearest-neighbour accuracy on the digits left out of training, 0 … 1, with two dimensions and
    with wide_size.
    """

    run: Run
    wide_size: int
    intra_deg: Figure
    inter_deg: Figure
    strangers_plane: Figure
    strangers_wide: Figure


def result_of(plane: Sequence[Run], wide: Sequence[Run]) -> Result:
    """The figures of one loss's runs with 2-d and with wider embeddings; one or more of each."""
    spreads = [spread(run.last.unseen, run.split.unseen.digits) for run in plane]
    return Result(
        plane[0],
        wide[0].last.strangers.shape[1],
        _figure([found.intra_deg for found in spreads]),
        _figure([found.inter_deg for found in spreads]),
        _figure([stranger_accuracy(run) for run in plane]),
        _figure([stranger_accuracy(run) for run in wide]),
    )


def stranger_accuracy(run: Run) -> float:
    """1-nearest-neighbour accuracy at the end of a run on the digits left out of it."""
    return nearest_neighbour_accuracy(run.last.strangers, run.split.strangers.digits)


def as_text(results: Sequence[Result]) -> str:
    """The table as Markdown: the mean, and ± the standard deviation of several runs."""
    wide = results[0].wide_size
    left_out = ", ".join(map(str, results[0].run.split.left_out))
    lines = [
        f"| loss | intra-class, 2-d | inter-class, 2-d | 1-NN on {left_out}: 2-d | {wide}-d |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {result.run.loss_name} | {_degrees(result.intra_deg)} | {_degrees(result.inter_deg)} "
        f"| {_percent(result.strangers_plane)} | {_percent(result.strangers_wide)} |"
        for result in results
    ]
    return "\n".join(lines)


def _figure(values: Sequence[float]) -> Figure:
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return Figure(statistics.fmean(values), deviation)


def _degrees(figure: Figure) -> str:
    return f"{figure.mean:.1f}°" + _deviation(figure.deviation)


def _percent(figure: Figure) -> str:
    deviation = None if figure.deviation is None else 100 * figure.deviation
    return f"{100 * figure.mean:.1f} %" + _deviation(deviation)


def _deviation(deviation: float | None) -> str:
    return "" if deviation is None else f" ± {deviation:.1f}"
