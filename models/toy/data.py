"""Digits to train on, unseen pictures of the same digits, and digits left out of training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attendance.errors import ConfigError, InputError
from attendance.types import FloatArray
from models.toy.idx import read_part

Labels = NDArray[np.int64]

DIGITS = 10
_TEST_SHARE = 0.3
_FEWEST_OF_A_DIGIT = 2
_MOST_STRANGERS = 2000


@dataclass(frozen=True, slots=True)
class Pictures:
    """pictures: float32 (N, H, W), 0 … 1; digits: (N), 0 … 9."""

    pictures: FloatArray
    digits: Labels

    def only(self, digits: Sequence[int]) -> "Pictures":
        kept = np.isin(self.digits, digits)
        return Pictures(self.pictures[kept], self.digits[kept])


@dataclass(frozen=True, slots=True)
class DigitSet:
    """name: for people; training and test: the two parts, with all ten digits."""

    name: str
    training: Pictures
    test: Pictures


@dataclass(frozen=True, slots=True)
class Split:
    """What a network is trained on, and what it is measured on.

    training: pictures of the trained digits; unseen: others of the same digits; strangers: pictures
    of the digits that were left out of training, the first 2,000.
    """

    name: str
    trained: tuple[int, ...]
    left_out: tuple[int, ...]
    training: Pictures
    unseen: Pictures
    strangers: Pictures


def scikit_digits() -> DigitSet:
    """scikit-learn's 1,797 digits of 8 × 8; three in ten of each digit, the last ones, are test.

    The set is ordered by writer (its description in scikit-learn), so that the test part has
    mostly writers of its own. Raises ConfigError if scikit-learn is missing.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ConfigError(
            "The digits come with scikit-learn, which is not installed.",
            action='Run python -m pip install -e ".[train]", or give --data.',
        ) from error
    found = load_digits()
    digits = found.target.astype(np.int64)
    everything = Pictures((found.images / 16).astype(np.float32), digits)
    test = np.zeros(len(digits), bool)
    for digit in range(DIGITS):
        places = np.flatnonzero(digits == digit)
        test[places[round(len(places) * (1 - _TEST_SHARE)) :]] = True
    return DigitSet("scikit-learn's digits", _where(everything, ~test), _where(everything, test))


def idx_digits(folder: Path) -> DigitSet:
    """The digits of a folder in IDX form. Raises InputError if it cannot be used."""
    parts = []
    for part in ("train", "t10k"):
        pictures, labels = read_part(folder, part)
        count = np.bincount(labels, minlength=DIGITS)
        if count.min() < _FEWEST_OF_A_DIGIT:
            raise InputError(
                f"{folder}: the part {part} has {count.min()} pictures of the digit "
                f"{int(count.argmin())}; at least {_FEWEST_OF_A_DIGIT} of each are needed.",
                action="Give a whole set.",
            )
        scaled = np.asarray(pictures / np.float32(255), dtype=np.float32)
        parts.append(Pictures(scaled, labels.astype(np.int64)))
    training, test = parts
    if training.pictures.shape[1:] != test.pictures.shape[1:]:
        raise InputError(
            f"{folder}: the pictures of train and t10k differ in size: "
            f"{training.pictures.shape[1:]} and {test.pictures.shape[1:]}.",
            action="Give both parts of one set.",
        )
    return DigitSet(folder.resolve().name, training, test)


def split(digits: DigitSet, *, left_out: Sequence[int]) -> Split:
    """Leave digits out of training. Raises ValueError unless two or more digits are on each side.

    One digit alone could not be confused with another, and a loss needs two.
    """
    unknown = tuple(sorted(set(left_out)))
    trained = tuple(digit for digit in range(DIGITS) if digit not in unknown)
    if min(len(unknown), len(trained)) < 2 or not set(unknown) <= set(range(DIGITS)):
        raise ValueError(f"from 2 to 8 of the digits 0 to 9 can be left out, not {list(left_out)}")
    tests, others = digits.test.only(unknown), digits.training.only(unknown)
    strangers = Pictures(
        np.concatenate([tests.pictures, others.pictures])[:_MOST_STRANGERS],
        np.concatenate([tests.digits, others.digits])[:_MOST_STRANGERS],
    )
    return Split(
        digits.name,
        trained,
        unknown,
        digits.training.only(trained),
        digits.test.only(trained),
        strangers,
    )


def _where(pictures: Pictures, mask: NDArray[np.bool_]) -> Pictures:
    return Pictures(pictures.pictures[mask], pictures.digits[mask])
