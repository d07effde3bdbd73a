"""A folder of digits in IDX form, as MNIST is published: plain or gzipped."""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, NoReturn, cast

import numpy as np
from numpy.typing import NDArray

from attendance.errors import InputError

Bytes = NDArray[np.uint8]

_PICTURES, _LABELS = "images-idx3-ubyte", "labels-idx1-ubyte"
_UBYTE = 8
_NAMES = {_PICTURES: "pictures", _LABELS: "labels"}
_MOST_BYTES = 2**30
"""A header that asks for more is not a set of digits."""
_SIDES = range(8, 65)


def read_part(folder: Path, part: str) -> tuple[Bytes, Bytes]:
    """Pictures (N, H, W) and labels (N) of one part of the set, "train" or "t10k".

    The files are `PART-images-idx3-ubyte` and `PART-labels-idx1-ubyte`, each with or without .gz;
    their first dot may stand for the second hyphen. Raises InputError, which names the file.
    """
    picture_path, label_path = (_find(folder, part, kind) for kind in (_PICTURES, _LABELS))
    pictures, labels = read_idx(picture_path, axes=3), read_idx(label_path, axes=1)
    height, width = pictures.shape[1:]
    if height not in _SIDES or width not in _SIDES:
        _refuse(
            picture_path,
            f"has pictures of {height} × {width} pixels",
            f"Sides from {_SIDES[0]} to {_SIDES[-1]} can be used.",
        )
    if len(pictures) != len(labels):
        _refuse(
            label_path,
            f"has {len(labels)} labels for the {len(pictures)} pictures of {picture_path.name}",
            "Fetch both files of the same set again.",
        )
    wrong = np.flatnonzero(labels > 9)
    if len(wrong):
        _refuse(
            label_path,
            f"has the label {labels[wrong[0]]} at place {wrong[0]}",
            "Labels are the digits 0 to 9.",
        )
    return pictures, labels


def read_idx(path: Path, *, axes: int) -> Bytes:
    """The array of bytes in one IDX file with so many axes; gzipped if its name ends in .gz.

    Format: two zero bytes, the type (8: unsigned byte), the number of axes, each axis as a
    big-endian 32-bit number, the data. Raises InputError, which names the file.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            return _read(cast(BinaryIO, stream), path, axes)
    except EOFError as error:
        raise InputError(f"{path} is truncated.", action="Fetch it again.") from error
    except zlib.error as error:
        raise InputError(f"{path} is damaged: {error}.", action="Fetch it again.") from error
    except gzip.BadGzipFile as error:
        raise InputError(
            f"{path} is not a gzip file, or a damaged one: {error}.",
            action="Fetch it again, or take .gz off its name if it is not compressed.",
        ) from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error


def _read(stream: BinaryIO, path: Path, axes: int) -> Bytes:
    magic = stream.read(4)
    if len(magic) == 4 and magic != bytes((0, 0, _UBYTE, axes)):
        hint = " It looks gzipped: add .gz to its name." if magic[:2] == b"\x1f\x8b" else ""
        _refuse(
            path,
            f"begins with {magic.hex(' ')} instead of 00 00 08 {axes:02x}",
            f"It is no IDX file of bytes with {axes} {'axis' if axes == 1 else 'axes'}.{hint}",
        )
    header = stream.read(4 * axes)
    if len(magic) < 4 or len(header) < 4 * axes:
        _refuse(path, "is truncated: it ends inside its header", "Fetch it again.")
    shape = struct.unpack(f">{axes}I", header)
    expected = math.prod(shape)
    if not 0 < expected <= _MOST_BYTES:
        _refuse(path, f"claims to hold {' × '.join(map(str, shape))} bytes", "Fetch it again.")
    data = stream.read(expected + 1)
    if len(data) != expected:
        state = "is truncated" if len(data) < expected else "is too long"
        found = f"{len(data)} are there" if len(data) < expected else "more are there"
        _refuse(path, f"{state}: {expected} bytes announced, {found}", "Fetch it again.")
    return np.frombuffer(data, np.uint8).reshape(shape)


def _find(folder: Path, part: str, kind: str) -> Path:
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder.", action="Give a folder with MNIST's files.")
    stem = f"{part}-{kind}"
    for name in (stem, stem.replace("-idx", ".idx")):
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                return path
    raise InputError(
        f"{folder} has no {stem}, plain or .gz: the {_NAMES[kind]} are missing.",
        action="Put the four files of MNIST there.",
    )


def _refuse(path: Path, what: str, action: str) -> NoReturn:
    raise InputError(f"{path} {what}.", action=action)
