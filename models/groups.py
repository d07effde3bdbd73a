"""Differences between groups of people at one threshold for all of them.

The groups come from a CSV file with the header `name,group`; a name is a person (`Name`) or one
picture (`Name/Name_0001`), and what is said of a picture goes before what is said of its person.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attendance.errors import InputError
from attendance.types import FloatArray
from models.lfw import Faces, Picture, Roc, count_pairs, pair_blocks

RATES = ("1e-3", "1e-4")
_HEADER = ["name", "group"]
_PICTURE = re.compile(r"(?P<person>[^/]+)/(?P=person)_(?P<number>[0-9]{4,18})")
_NAMED = 3


@dataclass(frozen=True, slots=True)
class GroupFile:
    """Groups by person and by picture."""

    people: Mapping[str, str]
    pictures: Mapping[Picture, str]

    def group_of(self, picture: Picture) -> str | None:
        """The group of a picture, None if neither it nor its person has one."""
        return self.pictures.get(picture, self.people.get(picture[0]))

    def strangers(self, pictures: Iterable[Picture]) -> tuple[str, ...]:
        """Names in the file that none of the pictures has, sorted."""
        present = set(pictures)
        known = {name for name, _ in present}
        people = (name for name in self.people if name not in known)
        one = (f"{p[0]}/{p[0]}_{p[1]:04d}" for p in self.pictures if p not in present)
        return tuple(sorted([*people, *one]))


@dataclass(frozen=True, slots=True)
class GroupRates:
    """One group at the threshold of one rate.

    tar: share of its genuine pairs that are accepted; fmr: share of its impostor pairs; None where
    the group has no such pair. false_matches: what fmr rests on.
    """

    tar: float | None
    fmr: float | None
    false_matches: int


@dataclass(frozen=True, slots=True)
class Group:
    """One group: its pictures, the pairs within it, and what one threshold does by rate."""

    name: str
    people: int
    pictures: int
    genuine_pairs: int
    impostor_pairs: int
    rates: dict[str, GroupRates]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """All groups by name; ungrouped: pictures without one. thresholds: cosine by rate."""

    groups: tuple[Group, ...]
    ungrouped: int
    thresholds: dict[str, float]


def read_groups(path: Path) -> GroupFile:
    """Read a group file: CSV in UTF-8, header `name,group`, a row a person or picture.

    Raises InputError naming the line that is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"There is no group file {path}.", action="Check --groups.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text.", action="Save it as CSV, UTF-8.") from error
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}.", action="Check --groups."
        ) from error
    people: dict[str, str] = {}
    pictures: dict[Picture, str] = {}
    lines: dict[str | Picture, int] = {}
    for number, (name, group) in _rows(path, text):
        match = _PICTURE.fullmatch(name)
        if match is None and "/" in name:
            raise _malformed(path, number, f"«{name}» is neither Name nor Name/Name_0001")
        key = name if match is None else (match["person"], int(match["number"]))
        if key in lines:
            raise _malformed(path, number, f"«{name}» stands in line {lines[key]} already")
        lines[key] = number
        if isinstance(key, str):
            people[key] = group
        else:
            pictures[key] = group
    if not lines:
        raise InputError(f"{path} holds no row below its header.", action="Give it some.")
    return GroupFile(people, pictures)


def _rows(path: Path, text: str) -> Iterator[tuple[int, tuple[str, str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    try:
        for row in reader:
            words = [word.strip() for word in row]
            if not any(words):
                continue
            if header is None:
                header = [word.lower() for word in words]
                if header != _HEADER:
                    raise _malformed(path, reader.line_num, "expected the header name,group")
                continue
            if len(words) != len(_HEADER):
                what = f"{len(words)} columns, expected name and group"
                raise _malformed(path, reader.line_num, what)
            for column, word in zip(_HEADER, words, strict=True):
                if not word:
                    raise _malformed(path, reader.line_num, f"the {column} is empty")
                if not word.isprintable():
                    what = f"the {column} has characters that cannot be printed"
                    raise _malformed(path, reader.line_num, what)
            yield reader.line_num, (words[0], words[1])
    except csv.Error as error:
        raise _malformed(path, reader.line_num, f"not CSV ({error})") from error
    if header is None:
        raise InputError(f"{path} is empty.", action="Give a CSV file with the header name,group.")


def _malformed(path: Path, number: int, what: str) -> InputError:
    return InputError(f"{path}, line {number}: {what}.", action="Correct the line.")


def check_groups(groups: GroupFile, pictures: Sequence[Picture], *, path: Path) -> str:
    """A sentence about names in the file that no picture has; empty if there is none.

    Raises InputError if no picture has a group at all.
    """
    if all(groups.group_of(picture) is None for picture in pictures):
        raise InputError(
            f"No picture has a group in {path}.",
            action="Name people as the pictures do: Name, or Name/Name_0001.",
        )
    strangers = groups.strangers(pictures)
    if not strangers:
        return ""
    more = ", …" if len(strangers) > _NAMED else ""
    count = "name" if len(strangers) == 1 else "names"
    return (
        f"{len(strangers):,} {count} in {path} without a picture: "
        f"{', '.join(strangers[:_NAMED])}{more}."
    )


def break_down(vectors: FloatArray, faces: Faces, groups: GroupFile, *, overall: Roc) -> Breakdown:
    """What the thresholds found over all pictures do to the pairs within each group.

    vectors: unit embeddings float32 (N, D) in the order of the faces. A pair with a picture without
    a face counts as rejected.
    """
    names = [groups.group_of(picture) for picture in faces.pictures]
    lost = [groups.group_of(picture) for picture in faces.lost]
    thresholds = {rate: overall.thresholds[rate] for rate in RATES if rate in overall.thresholds}
    return Breakdown(
        groups=tuple(
            _one_group(
                vectors[[name == group for name in names]],
                faces.people[[name == group for name in names]],
                faces.lost_people[[name == group for name in lost]],
                name=group,
                thresholds=thresholds,
            )
            for group in sorted({name for name in (*names, *lost) if name is not None})
        ),
        ungrouped=sum(name is None for name in (*names, *lost)),
        thresholds=thresholds,
    )


def _one_group(
    vectors: FloatArray,
    people: NDArray[np.int64],
    lost_people: NDArray[np.int64],
    *,
    name: str,
    thresholds: Mapping[str, float],
) -> Group:
    everyone = np.concatenate([people, lost_people])
    genuine_pairs, impostor_pairs = count_pairs(everyone)
    accepted = dict.fromkeys(thresholds, 0)
    false_matches = dict.fromkeys(thresholds, 0)
    for block in pair_blocks(people, vectors):
        for rate, threshold in thresholds.items():
            above = block.similarities[0] > threshold
            accepted[rate] += int((above & block.genuine).sum())
            false_matches[rate] += int((above & block.impostor).sum())
    return Group(
        name=name,
        people=len(np.unique(everyone)),
        pictures=len(everyone),
        genuine_pairs=genuine_pairs,
        impostor_pairs=impostor_pairs,
        rates={
            rate: GroupRates(
                tar=accepted[rate] / genuine_pairs if genuine_pairs else None,
                fmr=false_matches[rate] / impostor_pairs if impostor_pairs else None,
                false_matches=false_matches[rate],
            )
            for rate in thresholds
        },
    )
