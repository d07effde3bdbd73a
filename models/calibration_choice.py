"""Choose how a network is quantised by what comes out on people it was not trained on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attendance.types import FloatArray
from models.graph import Graph, to_bytes
from models.held_out import HeldOutCrops, PairFigures, loss_error, measure_pairs
from models.native import equalised_graph, int8_graph, observe_graph
from models.parity import Parity, compare, onnx_embeddings
from models.range_methods import Method, Range

STRENGTHS = (0.0, 0.5)
ACCEPTED_LOSS = 0.0005
"""0.05 points: what 8 bits may cost."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Where candidates are measured: held-out crops, the float32 embeddings and figures.

    crops_bgr: the held-out crops, then their mirror images; exact: their float32 embeddings.
    mirrored: each embedding is that of a crop and of its mirror image together.
    """

    held_out: HeldOutCrops
    crops_bgr: NDArray[np.uint8]
    exact: FloatArray
    figures: PairFigures
    threads: int
    mirrored: bool

    def measure(self, content: bytes) -> tuple[PairFigures, Parity]:
        """The figures of a file, and how far its embeddings are from the float32 ones."""
        made = onnx_embeddings(
            content,
            self.crops_bgr,
            threads=self.threads,
            mirrored=self.mirrored,
        )
        return measure_pairs(made, self.held_out.people), compare(made, self.exact)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to quantise and what it gave. graph: equalised, float32; ranges: by tensor."""

    name: str
    graph: Graph
    ranges: dict[str, Range]
    figures: PairFigures
    to_fp32: Parity

    def loss(self, bench: Bench) -> float:
        """Held-out accuracy lost against float32."""
        return bench.figures.accuracy - self.figures.accuracy

    def loss_error(self, bench: Bench) -> float:
        """The standard error of that loss."""
        return loss_error(bench.figures, self.figures)


def bench_of(content: bytes, held_out: HeldOutCrops, *, threads: int, mirrored: bool) -> Bench:
    """The bench of a float32 file."""
    crops_bgr = held_out.with_mirror_images()
    exact = onnx_embeddings(content, crops_bgr, threads=threads, mirrored=mirrored)
    return Bench(
        held_out, crops_bgr, exact, measure_pairs(exact, held_out.people), threads, mirrored
    )


def candidates(
    graph: Graph,
    crops_bgr: NDArray[np.uint8],
    bench: Bench,
    *,
    methods: Sequence[Method],
    strengths: Sequence[float],
) -> Iterator[Candidate]:
    """Quantise the exact graph in every way, one after the other.

    crops_bgr: calibration crops uint8 (N, 112, 96, 3).
    """
    for strength in strengths:
        equalised = equalised_graph(graph, crops_bgr, strength=strength, threads=bench.threads)
        seen = observe_graph(equalised, crops_bgr, threads=bench.threads)
        for method in methods:
            ranges = {name: method.choose(observed) for name, observed in seen.items()}
            channels = f", channels equalised {strength:g}" if strength else ""
            yield measured(f"{method.name}{channels}", equalised, ranges, bench)


def measured(name: str, graph: Graph, ranges: dict[str, Range], bench: Bench) -> Candidate:
    """Quantise a graph of `equalised_graph`'s form with these ranges and measure it."""
    figures, to_fp32 = bench.measure(to_bytes(int8_graph(graph, ranges)))
    return Candidate(name, graph, ranges, figures, to_fp32)


def best(found: Sequence[Candidate], bench: Bench) -> Candidate:
    """Of those that lose at most 0.05 points of accuracy the one nearest to float32.

    A loss that is larger by less than its standard error counts as chance: the held-out people
    are few, and the mean cosine rests on every crop. If all lose more, the most accurate. Raises
    ValueError without any.
    """
    good = [one for one in found if one.loss(bench) - one.loss_error(bench) <= ACCEPTED_LOSS]
    if good:
        return max(good, key=lambda one: one.to_fp32.mean_cosine)
    return max(found, key=lambda one: (one.figures.accuracy, one.to_fp32.mean_cosine))


def table(found: Sequence[Candidate], bench: Bench, *, chosen: Candidate) -> str:
    """What every way gave, for reading."""
    genuine, impostor = bench.held_out.pair_counts
    rates = list(bench.figures.tar)
    head = [
        "calibration",
        "accuracy",
        "loss, points",
        *(f"TAR@{rate}" for rate in rates),
        "cosine",
        "least",
    ]
    rows = [["fp32", f"{bench.figures.accuracy:.2%}", "", *_tar(bench.figures, rates), "", ""]]
    rows += [
        [
            f"{one.name}{' ← chosen' if one is chosen else ''}",
            f"{one.figures.accuracy:.2%}",
            f"{one.loss(bench) * 100:.2f} ± {one.loss_error(bench) * 100:.2f}",
            *_tar(one.figures, rates),
            f"{one.to_fp32.mean_cosine:.4f}",
            f"{one.to_fp32.least_cosine:.4f}",
        ]
        for one in found
    ]
    title = (
        f"held out: {bench.held_out.person_count} people, {genuine:,} genuine and {impostor:,} "
        "impostor pairs, each four times with mirror images"
    )
    lines = [
        title,
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
    ]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def _tar(figures: PairFigures, rates: Sequence[str]) -> list[str]:
    return [f"{figures.tar[rate]:.2%}" for rate in rates]
