"""1:N identification with unknown people: who is found in a gallery, and who is taken for somebody.

A probe is compared with every person of the gallery by that person's best template, as
inference/gallery.py does. Mated probes show enrolled people, the others show people who are not in
the gallery. FPIR: the share of non-mated probes whose nearest person is accepted. FNIR: the share
of mated probes for which the right person is not the nearest one, or not accepted (ISO/IEC 19795-1;
rank 1). A picture without a face is accepted as nobody.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attendance.types import FloatArray
from models.lfw import Faces

FPIRS = ("0.01", "0.001")
_CHUNK = 1024
_NOBODY = -1.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Which galleries are drawn: people in each, templates a person, how many, from which seed."""

    sizes: tuple[int, ...]
    templates: int
    galleries: int
    seed: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """One gallery. Rows index the embeddings; lost_*: probes in which no face was found.

    template_rows: int64 (people, templates), people in rising order; people: int64 (people,).
    mated_rows, nonmated_rows: int64, the probes.
    """

    people: NDArray[np.int64]
    template_rows: NDArray[np.int64]
    mated_rows: NDArray[np.int64]
    nonmated_rows: NDArray[np.int64]
    lost_mated: int
    lost_nonmated: int


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and standard deviation over the galleries."""

    mean: float
    std: float


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """FNIR as a fraction, and the cosine above which a person is accepted.

    false_positives: how many accepted non-mated probes the rate amounts to, in the gallery with the
    fewest such probes; one wrong label among them moves the threshold where they are few.
    """

    fnir: Spread
    threshold: Spread
    false_positives: int


@dataclass(frozen=True, slots=True)
class Identification:
    """What galleries of one size gave; rates are fractions.

    points: by FPIR; one that the probes cannot resolve is missing and has its sentence in
    unmeasured. *_probes: mean over the galleries.
    """

    size: int
    templates: int
    galleries: int
    mated_probes: float
    nonmated_probes: float
    rank1: Spread
    points: dict[str, OperatingPoint]
    unmeasured: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TooFewPeople:
    """A gallery size that the pictures do not suffice for, and the sentence that says so."""

    size: int
    sentence: str


def identify(
    vectors: FloatArray, faces: Faces, plan: Plan
) -> tuple[Identification | TooFewPeople, ...]:
    """Measure identification for each size of the plan.

    vectors: unit embeddings float32 (N, D) in the order of the faces. The galleries depend on the
    plan and the faces only, so that several networks are measured with the same ones.
    """
    return tuple(_one_size(vectors, faces, plan, size=size) for size in plan.sizes)


def enrollable_people(faces: Faces, *, templates: int) -> NDArray[np.int64]:
    """The people with enough faces for their templates and one picture more as a probe."""
    people, pictures = np.unique(faces.everyone, return_counts=True)
    detected = np.bincount(faces.people, minlength=people.max(initial=-1) + 1)[people]
    chosen: NDArray[np.int64] = people[(detected >= templates) & (pictures > templates)]
    return chosen


def draw_gallery(faces: Faces, plan: Plan, *, size: int, number: int) -> Drawn:
    """Draw people and templates at random; the same for the same plan, size and number.

    Raises ValueError if there are fewer people than size.
    """
    rng = np.random.default_rng([plan.seed, size, number])
    enrollable = enrollable_people(faces, templates=plan.templates)
    people = np.sort(rng.choice(enrollable, size, replace=False))
    template_rows = np.array(
        [
            np.sort(rng.choice(np.flatnonzero(faces.people == one), plan.templates, replace=False))
            for one in people
        ],
        np.int64,
    )
    mated = np.isin(faces.people, people)
    probe = np.ones(len(faces.people), np.bool_)
    probe[template_rows] = False
    lost_mated = int(np.isin(faces.lost_people, people).sum())
    return Drawn(
        people=people,
        template_rows=template_rows,
        mated_rows=np.flatnonzero(mated & probe),
        nonmated_rows=np.flatnonzero(~mated),
        lost_mated=lost_mated,
        lost_nonmated=len(faces.lost_people) - lost_mated,
    )


@dataclass(frozen=True, slots=True)
class _Searched:
    """What the probes of one gallery met: cosine of the nearest person, and whether it is right."""

    mated: FloatArray
    right: NDArray[np.bool_]
    nonmated: FloatArray


def _one_size(
    vectors: FloatArray, faces: Faces, plan: Plan, *, size: int
) -> Identification | TooFewPeople:
    enrollable = len(enrollable_people(faces, templates=plan.templates))
    if size > enrollable:
        return TooFewPeople(
            size,
            f"A gallery of {size:,} cannot be drawn: {enrollable:,} "
            f"{'person has' if enrollable == 1 else 'people have'} the "
            f"{plan.templates + 1} pictures it takes "
            f"({plan.templates} to enrol, 1 to be looked for).",
        )
    searched = []
    for number in range(plan.galleries):
        drawn = draw_gallery(faces, plan, size=size, number=number)
        searched.append(_search_all(vectors, faces, drawn))
    nonmated = [len(one.nonmated) for one in searched]
    points, unmeasured = {}, []
    for rate in FPIRS:
        false_positives = int(float(rate) * min(nonmated))
        if false_positives == 0:
            unmeasured.append(
                f"FPIR {100 * float(rate):g} % cannot be measured with a gallery of {size:,}: "
                f"there are only {min(nonmated):,} pictures of people outside it, and it takes "
                f"{round(1 / float(rate)):,}."
            )
            continue
        pairs = [_point(one, rate=float(rate)) for one in searched]
        points[rate] = OperatingPoint(
            fnir=_spread([fnir for fnir, _ in pairs]),
            threshold=_spread([threshold for _, threshold in pairs]),
            false_positives=false_positives,
        )
    return Identification(
        size=size,
        templates=plan.templates,
        galleries=plan.galleries,
        mated_probes=statistics.fmean(len(one.mated) for one in searched),
        nonmated_probes=statistics.fmean(nonmated),
        rank1=_spread([float(one.right.mean()) for one in searched]),
        points=points,
        unmeasured=tuple(unmeasured),
    )


def _search_all(vectors: FloatArray, faces: Faces, drawn: Drawn) -> _Searched:
    mated, nearest = _search(vectors, drawn, rows=drawn.mated_rows)
    nonmated, _ = _search(vectors, drawn, rows=drawn.nonmated_rows)
    right = drawn.people[nearest] == faces.people[drawn.mated_rows]
    return _Searched(
        mated=np.concatenate([mated, np.full(drawn.lost_mated, _NOBODY, np.float32)]),
        right=np.concatenate([right, np.zeros(drawn.lost_mated, np.bool_)]),
        nonmated=np.concatenate([nonmated, np.full(drawn.lost_nonmated, _NOBODY, np.float32)]),
    )


def _search(
    vectors: FloatArray, drawn: Drawn, *, rows: NDArray[np.int64]
) -> tuple[FloatArray, NDArray[np.int64]]:
    """Cosine and place of the nearest person for each probe, each (probes,)."""
    templates = vectors[drawn.template_rows.ravel()]
    cosines = [np.empty(0, np.float32)]
    places = [np.empty(0, np.int64)]
    for start in range(0, len(rows), _CHUNK):
        block = vectors[rows[start : start + _CHUNK]] @ templates.T
        best = block.reshape(len(block), *drawn.template_rows.shape).max(axis=2)
        places.append(best.argmax(axis=1))
        cosines.append(best.max(axis=1))
    return np.concatenate(cosines), np.concatenate(places)


def _point(searched: _Searched, *, rate: float) -> tuple[float, float]:
    """FNIR, and the lowest threshold above which no more non-mated probes lie than the rate."""
    allowed = int(rate * len(searched.nonmated))
    threshold = np.sort(searched.nonmated)[::-1][allowed]
    found = searched.right & (searched.mated > threshold)
    return 1 - float(found.mean()), float(threshold)


def _spread(values: Sequence[float]) -> Spread:
    return Spread(statistics.fmean(values), statistics.pstdev(values))
