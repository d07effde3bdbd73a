"""Thresholds by false accept rate: `python -m models.thresholds --images DIR|TAR [--write]`.

Runs the product's pipeline on LFW-style pictures (a folder a person) and compares every two
pictures of different people; the 95 % confidence intervals respect who is in a pair.

Two impostor pairs that share a person are not independent, so an interval over pairs as if they
were (binomial, Wilson) is far too narrow. People are resampled instead, with all their pictures:
the vertex bootstrap of Snijders and Borgatti 1999 ("Non-parametric standard errors and tests for
network statistics", Connections 22), which Fogliato, Patil and Perona 2024 ("Confidence Intervals
for Error Rates in 1:1 Matching Tasks", IJCV, arXiv 2306.01198) study for face verification. A
person drawn w times and one drawn v times give each of their pairs the weight w · v; pairs of a
person with another copy of the same person are left out.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log10
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from attendance.errors import InputError, KnownError
from attendance.types import FloatArray

if TYPE_CHECKING:
    from inference.manifest import ModelEntry

WEIGHTS_DIR = Path(__file__).parent / "weights"
FARS = ("1e-3", "1e-4", "1e-5", "1e-6")
ENOUGH_ERRORS = 30
"""With fewer false accepts than this a rate is not measured well: Doddington's rule of 30."""
RESAMPLES = 1000
_MARGIN = 4
"""A resample may reach so many times deeper into the sorted pairs than the rate itself."""
_BLOCK = 256

Basis = Literal["measured", "too few errors", "extrapolated"]


@dataclass(frozen=True, slots=True)
class Interval:
    """95 %, both ends included."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Threshold:
    """The cosine above which this share of impostor pairs lies.

    expected_errors: so many of the pairs measured. cosine_95: where the threshold may lie; far_95:
    what the false accept rate at this very threshold may be; both None where nothing was measured.
    basis: `too few errors` with fewer than 30, `extrapolated` with fewer than one: then the last
    two measured thresholds are continued, linear in the logarithm of the rate.
    """

    far: str
    cosine: float
    expected_errors: float
    basis: Basis
    cosine_95: Interval | None
    far_95: Interval | None


@dataclass(frozen=True, slots=True)
class ThresholdReport:
    """Every threshold, and how many impostor pairs and people it rests on."""

    at: tuple[Threshold, ...]
    impostor_pairs: int
    people: int
    pictures: int


@dataclass(frozen=True, slots=True)
class _Nearest:
    """The nearest impostor pairs, nearest first: cosines and the two people's numbers."""

    cosines: FloatArray
    first: NDArray[np.int64]
    second: NDArray[np.int64]


def measure_thresholds(
    vectors: FloatArray,
    people: NDArray[np.int64],
    *,
    undetected: Sequence[int] = (),
    fars: Sequence[str] = FARS,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> ThresholdReport:
    """Compare every two pictures of different people.

    vectors: unit embeddings float32 (N, D); people: (N,), one number a person. undetected: the
    people of pictures without a face, whose pairs are all refused. Raises ValueError if there are
    not at least two rates that some pair reaches.
    """
    names, numbers = np.unique(
        np.concatenate([people, np.asarray(undetected, np.int64)]), return_inverse=True
    )
    pictures = np.bincount(numbers, minlength=len(names)).astype(np.float64)
    total = _pairs(pictures)
    deepest = int(_MARGIN * max(map(float, fars)) * total) + 1
    nearest = _nearest(vectors, numbers[: len(people)], deepest)
    measurable = [far for far in fars if 1 <= int(float(far) * total) < len(nearest.cosines)]
    if len(measurable) < 2:
        raise ValueError(f"{total:.0f} impostor pairs cannot tell two false accept rates apart")
    cosines = {far: float(nearest.cosines[int(float(far) * total)]) for far in measurable}
    drawn = list(_resampled(nearest, pictures, cosines, resamples=resamples, seed=seed))
    found = []
    for far in fars:
        expected = float(far) * total
        if far not in cosines:
            cosine = _continued(cosines, far)
            found.append(Threshold(far, cosine, expected, "extrapolated", None, None))
            continue
        column = measurable.index(far)
        found.append(
            Threshold(
                far,
                cosines[far],
                expected,
                "measured" if expected >= ENOUGH_ERRORS else "too few errors",
                _interval([row[0][column] for row in drawn]),
                _interval([row[1][column] for row in drawn]),
            )
        )
    return ThresholdReport(
        at=tuple(found),
        impostor_pairs=round(total),
        people=len(names),
        pictures=int(pictures.sum()),
    )


def as_row(report: ThresholdReport) -> dict[str, object]:
    """The report as the manifest has it; rates to two digits, cosines to four."""
    return {
        "impostor_pairs": report.impostor_pairs,
        "people": report.people,
        "pictures": report.pictures,
        "interval": "95 %, bootstrap over people",
        "at": [
            {
                "far": one.far,
                "threshold": round(one.cosine, 4),
                "expected_errors": float(f"{one.expected_errors:.3g}"),
                "basis": one.basis,
            }
            | ({"threshold_95": _rounded(one.cosine_95)} if one.cosine_95 else {})
            | ({"far_95": _significant(one.far_95)} if one.far_95 else {})
            for one in report.at
        ],
    }


def as_text(report: ThresholdReport) -> str:
    """The report for reading."""
    title = (
        f"{report.impostor_pairs:,} impostor pairs of {report.people:,} people, "
        f"{report.pictures:,} pictures; 95 % intervals by bootstrap over people"
    )
    lines = [title]
    for one in report.at:
        line = f"FAR {one.far}: threshold {one.cosine:.4f}"
        if one.cosine_95 and one.far_95:
            line += (
                f" [{one.cosine_95.low:.4f}, {one.cosine_95.high:.4f}], "
                f"FAR there [{one.far_95.low:.1e}, {one.far_95.high:.1e}]"
            )
        if one.basis == "too few errors":
            line += f"; too few: {one.expected_errors:.1f} false accepts, not {ENOUGH_ERRORS}"
        if one.basis == "extrapolated":
            line += f"; extrapolated: {one.expected_errors:.2g} false accepts expected"
        lines.append(line)
    return "\n".join(lines)


def _pairs(pictures: NDArray[np.float64]) -> float:
    """Pairs of pictures of two different people, by how many pictures each has."""
    return float((pictures.sum() ** 2 - np.square(pictures).sum()) / 2)


def _nearest(vectors: FloatArray, numbers: NDArray[np.int64], count: int) -> _Nearest:
    cosines = np.empty(0, np.float32)
    rows, columns = np.empty(0, np.int64), np.empty(0, np.int64)
    for start in range(0, len(vectors), _BLOCK):
        block = vectors[start : start + _BLOCK] @ vectors[start:].T
        there = numbers[start : start + len(block), None] != numbers[None, start:]
        later = np.arange(block.shape[1])[None, :] > np.arange(len(block))[:, None]
        kept = there & later
        if len(cosines) == count:
            kept &= block > cosines.min()
        i, j = np.nonzero(kept)
        cosines = np.concatenate([cosines, block[i, j]])
        rows, columns = np.concatenate([rows, i + start]), np.concatenate([columns, j + start])
        if len(cosines) > count:
            top = np.argpartition(cosines, len(cosines) - count)[-count:]
            cosines, rows, columns = cosines[top], rows[top], columns[top]
    order = np.argsort(-cosines, kind="stable")
    return _Nearest(cosines[order], numbers[rows[order]], numbers[columns[order]])


def _resampled(
    nearest: _Nearest,
    pictures: NDArray[np.float64],
    cosines: dict[str, float],
    *,
    resamples: int,
    seed: int,
) -> Iterator[tuple[list[float], list[float]]]:
    """For each resample the threshold of each rate, and the rate at each measured threshold."""
    random = np.random.default_rng(seed)
    count = len(pictures)
    above = [int(np.searchsorted(-nearest.cosines, -cosine, "left")) for cosine in cosines.values()]
    for _ in range(resamples):
        times = np.bincount(random.integers(0, count, count), minlength=count)
        total = _pairs(times * pictures)
        if total <= 0:
            continue
        reached = np.cumsum(times[nearest.first] * times[nearest.second])
        places = [int(np.searchsorted(reached, float(far) * total, "right")) for far in cosines]
        yield (
            [float(nearest.cosines[min(place, len(reached) - 1)]) for place in places],
            [float(reached[place - 1] / total) if place else 0.0 for place in above],
        )


def _continued(cosines: dict[str, float], far: str) -> float:
    points = sorted((log10(float(name)), cosine) for name, cosine in cosines.items())
    (x0, y0), (x1, y1) = points[:2]
    return min(y0 + (y1 - y0) * (log10(float(far)) - x0) / (x1 - x0), 1.0)


def _interval(values: Sequence[float]) -> Interval:
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(float(low), float(high))


def _rounded(interval: Interval) -> list[float]:
    return [round(interval.low, 4), round(interval.high, 4)]


def _significant(interval: Interval) -> list[float]:
    return [float(f"{interval.low:.2g}"), float(f"{interval.high:.2g}")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the embedders of a manifest; with --write keep what is found; returns exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m models.thresholds", description=(__doc__ or "").partition("\n\n")[0]
    )
    parser.add_argument("--images", type=Path, required=True, help="LFW folder or tar file")
    parser.add_argument("--networks", nargs="*", default=[], help="names (default: all)")
    parser.add_argument("--folder", type=Path, default=WEIGHTS_DIR, help="of manifest.toml")
    parser.add_argument("--detector", choices=("short", "full"), default="short")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="into the manifest")
    options = parser.parse_args(arguments)
    try:
        _run(options)
    except KnownError as error:
        print(f"models.thresholds: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _run(options: argparse.Namespace) -> None:
    from models.embedding_pass import embed_pictures
    from models.manifest_file import THRESHOLDS_FILE, add_rows, write_manifest, written_entries
    from models.picture_store import PictureStore

    entries = _entries(options)
    store = PictureStore(options.images)
    taken = embed_pictures(store, entries, threads=options.threads, detector=options.detector)
    rows = []
    for entry, vectors in zip(entries, taken.vectors, strict=True):
        try:
            report = measure_thresholds(
                vectors, taken.faces.people, undetected=taken.faces.lost_people.tolist()
            )
        except ValueError as error:
            raise InputError(
                f"{options.images} has too few pictures: {error}.", action="Give more people."
            ) from error
        print(f"{entry.file}\n{as_text(report)}")
        rows.append(
            {
                "sha256": entry.sha256,
                "file": entry.file,
                "measured_on": f"python -m models.thresholds --images {options.images} --write",
            }
            | as_row(report)
        )
    if options.write:
        add_rows(options.folder / THRESHOLDS_FILE, "thresholds", rows)
        write_manifest(options.folder, written_entries(options.folder))


def _entries(options: argparse.Namespace) -> "tuple[ModelEntry, ...]":
    """The int8 and fp32 files of the networks asked for. Raises InputError for an unknown name."""
    from inference.manifest import read_manifest
    from inference.precision import PRECISIONS

    manifest = read_manifest(options.folder)
    unknown = sorted(set(options.networks) - set(manifest.networks))
    if unknown:
        raise InputError(
            f"{manifest.path} lists no network {', '.join(unknown)}.",
            action=f"Choose among {', '.join(manifest.networks)}.",
        )
    wanted = options.networks or manifest.networks
    return tuple(
        entry
        for entry in manifest.entries
        if entry.network in wanted and entry.precision in PRECISIONS
    )


if __name__ == "__main__":
    sys.exit(main())
