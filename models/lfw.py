"""The LFW protocol: pairs file, folds, accuracy and the ROC over all pairs of pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attendance.errors import InputError
from attendance.types import FloatArray

RATES = ("1e-3", "1e-4", "1e-5", "1e-6")
_UNDETECTED = -1.0
_BLOCK = 256

Picture = tuple[str, int]
"""Name of the person and number of the picture."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures, whether they show one person, and the fold they belong to."""

    first: Picture
    second: Picture
    same: bool
    fold: int


@dataclass(frozen=True, slots=True)
class Roc:
    """What thresholds do over all pairs of pictures.

    tar: share of genuine pairs above the threshold; thresholds: cosine; both by false match rate.
    A rate that the number of impostor pairs cannot resolve is left out.
    """

    tar: dict[str, float]
    thresholds: dict[str, float]
    genuine_pairs: int
    impostor_pairs: int


@dataclass(frozen=True, slots=True)
class Faces:
    """Whose embeddings the rows of a matrix are, and which pictures have none.

    pictures: one a row; people: int64 (N,), the number of the person of each row. lost: pictures
    in which no face was found; lost_people: int64, their people.
    """

    pictures: tuple[Picture, ...]
    people: NDArray[np.int64]
    lost: tuple[Picture, ...]
    lost_people: NDArray[np.int64]

    @property
    def everyone(self) -> NDArray[np.int64]:
        """The person of every picture: those of the rows, then those without a face."""
        return np.concatenate([self.people, self.lost_people])


def number_faces(pictures: Sequence[Picture], *, lost: Sequence[Picture]) -> Faces:
    """Give every person a number, in the order of the names."""
    names = sorted({name for name, _ in (*pictures, *lost)})
    numbers = {name: index for index, name in enumerate(names)}
    return Faces(
        pictures=tuple(pictures),
        people=np.array([numbers[name] for name, _ in pictures], np.int64),
        lost=tuple(lost),
        lost_people=np.array([numbers[name] for name, _ in lost], np.int64),
    )


@dataclass(frozen=True, slots=True)
class PairBlock:
    """A part of all pairs of rows: cosines float32 (B, M) by matrix, and which pairs they are.

    genuine, impostor: bool (B, M); every pair is in one of them, in one block, once.
    """

    similarities: tuple[FloatArray, ...]
    genuine: NDArray[np.bool_]
    impostor: NDArray[np.bool_]


def pair_blocks(people: NDArray[np.int64], *matrices: FloatArray) -> Iterator[PairBlock]:
    """Go through all pairs of pictures, a block of rows at a time.

    people: (N,), one number a person; matrices: unit embeddings float32 (N, D) of the same
    pictures, one matrix a network.
    """
    for start in range(0, len(people), _BLOCK):
        rows, columns = people[start : start + _BLOCK], people[start:]
        later = np.arange(len(columns))[None, :] > np.arange(len(rows))[:, None]
        same = rows[:, None] == columns[None, :]
        yield PairBlock(
            tuple(matrix[start : start + _BLOCK] @ matrix[start:].T for matrix in matrices),
            later & same,
            later & ~same,
        )


def count_pairs(people: NDArray[np.int64]) -> tuple[int, int]:
    """How many genuine and how many impostor pairs these pictures make. people: (N,)."""
    counts = np.unique(people, return_counts=True)[1]
    genuine = int((counts * (counts - 1) // 2).sum())
    return genuine, len(people) * (len(people) - 1) // 2 - genuine


def read_pairs(path: Path) -> tuple[Pair, ...]:
    """Read an LFW pairs file: `FOLDS N`, then for each fold N lines of one person and N of two.

    `NAME I J` names two pictures of one person, `NAME I OTHER J` one picture each of two people.
    Raises InputError naming the line that is wrong.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise InputError(f"There is no pairs file {path}.", action="Check --pairs.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}.", action="Check --pairs.") from error
    rows = [(number, line.split()) for number, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise InputError(f"{path} is empty.", action="Give an LFW pairs file.")
    number, header = rows[0]
    if len(header) not in (1, 2) or not all(word.isdigit() and int(word) for word in header):
        raise _malformed(path, number, "expected the number of folds and of pairs")
    folds = int(header[0]) if len(header) == 2 else 1
    per_fold = 2 * int(header[-1])
    if len(rows) - 1 != folds * per_fold:
        raise InputError(
            f"{path} announces {folds} × {per_fold} pairs and holds {len(rows) - 1}.",
            action="Fetch the file again.",
        )
    return tuple(
        _pair(path, number, words, fold=index // per_fold)
        for index, (number, words) in enumerate(rows[1:])
    )


def _pair(path: Path, number: int, words: Sequence[str], *, fold: int) -> Pair:
    if len(words) == 3:
        words = [words[0], words[1], words[0], words[2]]
        same = True
    elif len(words) == 4:
        same = False
    else:
        raise _malformed(path, number, f"{len(words)} words, expected 3 or 4")
    if not (words[1].isdecimal() and words[3].isdecimal()):
        raise _malformed(path, number, "a picture's number is not a number")
    return Pair((words[0], int(words[1])), (words[2], int(words[3])), same=same, fold=fold)


def _malformed(path: Path, number: int, what: str) -> InputError:
    return InputError(f"{path}, line {number}: {what}.", action="Correct the line.")


def fold_accuracies(
    similarities: NDArray[np.float64], same: NDArray[np.bool_], folds: NDArray[np.int64]
) -> list[float]:
    """Accuracy of each fold with the threshold that is best on all other folds.

    With a single fold the threshold is chosen on that fold. All three arrays have one entry a
    pair.
    """
    right = fold_decisions(similarities, same, folds) == same
    return [float(np.mean(right[folds == fold])) for fold in np.unique(folds)]


def fold_decisions(
    similarities: NDArray[np.float64], same: NDArray[np.bool_], folds: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which pairs are called the same person, each fold with the threshold of the other folds."""
    decisions = np.zeros(len(similarities), np.bool_)
    for fold in np.unique(folds):
        inside = folds == fold
        others = ~inside if (~inside).any() else inside
        threshold = best_threshold(similarities[others], same[others])
        decisions[inside] = similarities[inside] >= threshold
    return decisions


def best_threshold(similarities: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    """The similarity from which on calling pairs the same person is right most often.

    Thresholds lie midway between neighbouring similarities; of equally good ones the lowest.
    """
    scores = np.unique(similarities)
    candidates = np.concatenate([scores[:1], (scores[:-1] + scores[1:]) / 2])
    genuine, impostor = np.sort(similarities[same]), np.sort(similarities[~same])
    right = len(genuine) - np.searchsorted(genuine, candidates)
    right += np.searchsorted(impostor, candidates)
    return float(candidates[right.argmax()])


def pair_similarities(
    pairs: Sequence[Pair], embeddings: dict[Picture, FloatArray]
) -> NDArray[np.float64]:
    """Cosine of each pair; a pair with an undetected face counts as utterly different (−1)."""
    return np.array(
        [
            float(embeddings[pair.first] @ embeddings[pair.second])
            if pair.first in embeddings and pair.second in embeddings
            else _UNDETECTED
            for pair in pairs
        ],
        np.float64,
    )


def roc(vectors: FloatArray, people: NDArray[np.int64], *, undetected: Sequence[int]) -> Roc:
    """True accept rates over all pairs of pictures at fixed false match rates.

    vectors: unit embeddings float32 (N, D) of the detected pictures; people: (N,), one number a
    person. undetected: the people of the pictures without a face; their genuine pairs count as
    rejected and their impostor pairs as rejected too. A pair is accepted above the threshold.
    """
    genuine_pairs, impostor_pairs = count_pairs(
        np.concatenate([people, np.asarray(undetected, np.int64)])
    )
    keep = int(float(RATES[0]) * impostor_pairs) + 1
    top = np.full(keep, _UNDETECTED, np.float32)
    genuine: list[FloatArray] = []
    for block in pair_blocks(people, vectors):
        (similarities,) = block.similarities
        genuine.append(similarities[block.genuine])
        pool = np.concatenate([top, similarities[block.impostor]])
        top = np.partition(pool, len(pool) - keep)[-keep:]
    ordered = np.sort(top)[::-1]
    accepted = np.concatenate(genuine) if genuine else np.empty(0, np.float32)
    tar, thresholds = {}, {}
    for rate in RATES:
        allowed = int(float(rate) * impostor_pairs)
        if allowed == 0 or genuine_pairs == 0:
            continue
        threshold = float(ordered[allowed])
        tar[rate] = float(np.count_nonzero(accepted > threshold)) / genuine_pairs
        thresholds[rate] = threshold
    return Roc(tar, thresholds, genuine_pairs, impostor_pairs)
