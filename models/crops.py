"""Aligned face crops kept in tar files, for calibrating networks; read in a fixed order."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from attendance.errors import InputError

CROP_SIZE_HW = (112, 96)
_STORED_SIZE_HW = (112, 112)
_FIRST_COLUMN = 8


def read_crops(folder: Path) -> Iterator[NDArray[np.uint8]]:
    """Every crop of the tar files of a folder as BGR uint8 (112, 96, 3), sorted by tar and name.

    The files hold 112 × 112 crops; columns 8 to 103 are the 112 × 96 crop. Raises InputError if
    there is no tar file or if a picture in one cannot be read or has another size.
    """
    archives = sorted(folder.glob("*.tar"))
    if not archives:
        raise InputError(
            f"{folder} holds no tar file with crops.", action="Give the folder of faces-*.tar."
        )
    for archive in archives:
        with tarfile.open(archive) as tarball:
            members = [m for m in tarball if m.isfile() and m.name.endswith(".webp")]
            for member in sorted(members, key=lambda m: m.name):
                stream = tarball.extractfile(member)
                data = stream.read() if stream is not None else b""
                yield decode_crop(data, f"{archive.name}: {member.name}")


def decode_crop(data: bytes, name: str) -> NDArray[np.uint8]:
    """The 112 × 96 crop, BGR uint8 (112, 96, 3), of an encoded 112 × 112 picture.

    Raises InputError calling it by its name if it cannot be read or has another size.
    """
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if picture is None or picture.shape[:2] != _STORED_SIZE_HW:
        raise InputError(
            f"{name} is not a readable 112 × 112 picture.", action="Fetch the file again."
        )
    right = _FIRST_COLUMN + CROP_SIZE_HW[1]
    return np.ascontiguousarray(picture[:, _FIRST_COLUMN:right], dtype=np.uint8)


def every_nth(crops: Iterator[NDArray[np.uint8]], step: int) -> NDArray[np.uint8]:
    """Every step-th crop, starting with the first, as one array (count, 112, 96, 3)."""
    return np.stack([crop for index, crop in enumerate(crops) if index % step == 0])


def network_input(crops_bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
    """BGR uint8 (N, H, W, 3) as the embedder's float32 (N, 3, H, W): RGB, (x − 127.5) / 128."""
    rgb = crops_bgr[..., ::-1].astype(np.float32)
    return np.ascontiguousarray(((rgb - 127.5) * 0.0078125).transpose(0, 3, 1, 2))
