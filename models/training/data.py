"""Training pictures from shards, a list file or a folder a person, decoded once into one array."""

import hashlib
import json
import logging
import tarfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from attendance.errors import InputError
from models.training.config import DataSettings

_LOG = logging.getLogger(__name__)
SIDE = 112
NARROW = 96
UNKNOWN = -1
_PICTURES = frozenset({".webp", ".jpg", ".jpeg", ".png", ".bmp"})
_DECODE_WORKERS = 2


@dataclass(frozen=True, slots=True)
class CropStore:
    """crops: uint8 (N, 112, 112, 3) BGR, read only, on disk; labels: int64 (N), −1 = unknown.

    classes: the labels of the training crops counted from 0 without gaps, −1 for the others.
    held_out: bool (N), the crops kept for validation; whole identities, chosen by hash, so that
    adding data moves nobody across.
    """

    crops: NDArray[np.uint8]
    labels: NDArray[np.int64]
    held_out: NDArray[np.bool_]
    classes: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        classes = np.full(len(self.labels), UNKNOWN, np.int64)
        training = (self.labels >= 0) & ~self.held_out
        classes[training] = np.unique(self.labels[training], return_inverse=True)[1]
        object.__setattr__(self, "classes", classes)

    @property
    def class_count(self) -> int:
        """People with a label among the training crops."""
        return int(self.classes.max(initial=UNKNOWN)) + 1


@dataclass(frozen=True, slots=True)
class _Picture:
    """One encoded picture that can be read; name: what an error message calls it."""

    name: str
    label: int
    read: Callable[[], bytes]


def open_store(settings: DataSettings, *, base_dir: Path, cache_dir: Path) -> CropStore:
    """The decoded crops of a data source, from the cache where the source has not changed.

    Pictures are 112 × 112, or 112 × 96 (the edge columns are repeated). Raises InputError naming
    the file or line: missing or unreadable pictures, another size, a label that is not a number,
    a truncated shard, nothing at all.
    """
    if settings.shards:
        source = _shards(base_dir / settings.shards)
    elif settings.list:
        source = _list(base_dir / settings.list, base_dir / settings.root)
    else:
        source = _folder(base_dir / settings.folder)
    cache_dir.mkdir(parents=True, exist_ok=True)
    stem = cache_dir / f"crops-{source.fingerprint[:16]}"
    pixels, facts = stem.with_suffix(".npy"), stem.with_suffix(".npz")
    if not (pixels.exists() and facts.exists()):
        _LOG.info("decoding the pictures of %s", source.name)
        _decode(source, pixels, facts)
    crops = np.load(pixels, mmap_mode="r")
    with np.load(facts) as stored:
        labels = stored["labels"].astype(np.int64)
    held_out = _held_out(labels, settings.held_out_of_32)
    _LOG.info(
        "%d crops, %d identities, %d crops held out",
        len(crops),
        len(np.unique(labels[labels >= 0])),
        int(held_out.sum()),
    )
    return CropStore(crops, labels, held_out)


@dataclass(frozen=True, slots=True)
class _Source:
    name: str
    fingerprint: str
    pictures: Callable[[], Iterator[_Picture]]


def _shards(folder: Path) -> _Source:
    archives = sorted(folder.glob("*.tar"))
    if not archives:
        raise InputError(f"{folder} holds no .tar shard.", action="Correct [data] shards.")
    for archive in archives:
        with archive.open("rb") as stream:
            stream.seek(max(archive.stat().st_size - 1024, 0))
            if stream.read() != bytes(1024):
                raise InputError(
                    f"The shard {archive} is truncated: it does not end as a tar file does.",
                    action="Copy or fetch it again.",
                )

    def pictures() -> Iterator[_Picture]:
        for archive in archives:
            yield from _members(archive)

    return _Source(str(folder), _fingerprint(archives), pictures)


def _members(archive: Path) -> Iterator[_Picture]:
    try:
        with tarfile.open(archive) as tarball:
            members = {m.name: m for m in tarball if m.isfile()}

            def content(name: str) -> bytes:
                stream = tarball.extractfile(members[name])
                return stream.read() if stream is not None else b""

            for name in sorted(members):
                path = Path(name)
                if path.suffix not in _PICTURES:
                    continue
                label = UNKNOWN
                facts = path.with_suffix(".json").as_posix()
                if facts in members:
                    label = _label_of(content(facts), f"{archive.name}: {facts}")
                data = content(name)
                yield _Picture(f"{archive.name}: {name}", label, lambda data=data: data)  # type: ignore[misc]
    except tarfile.TarError as error:
        raise InputError(
            f"The shard {archive} is damaged: {error}.", action="Copy or fetch it again."
        ) from error


def _label_of(data: bytes, name: str) -> int:
    try:
        label = json.loads(data)["label"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{name} is not JSON with a label.", action="Correct it.") from error
    if type(label) is not int:
        raise InputError(f"{name}: the label {label!r} is not a number.", action="Correct it.")
    return label


def _list(path: Path, root: Path) -> _Source:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"The list {path} cannot be read: {error}.", action="Correct [data] list."
        ) from error
    entries: list[tuple[str, Path, int]] = []
    missing: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path.name}, line {number}"
        name, _, text = line.strip().rpartition(" ")
        if not name:
            raise InputError(
                f"{where}: expected `path label`, found {line.strip()!r}.", action="Correct it."
            )
        if not text.isascii() or not text.isdigit():
            raise InputError(f"{where}: the label {text!r} is not a number.", action="Correct it.")
        picture = root / name.strip()
        if not picture.is_file():
            missing.append(f"line {number} ({name.strip()})")
        entries.append((where, picture, int(text)))
    if missing:
        shown = ", ".join(missing[:5]) + (" …" if len(missing) > 5 else "")
        raise InputError(
            f"{path.name}: {len(missing)} of {len(entries)} pictures are missing below {root}: "
            f"{shown}.",
            action="Correct [data] root, or take the lines out.",
        )
    _several_classes([label for _, _, label in entries], str(path))
    return _files(str(path), [*entries], extra=[path])


def _folder(folder: Path) -> _Source:
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder.", action="Correct [data] folder.")
    people = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    entries = [
        (str(picture), picture, label)
        for label, person in enumerate(people)
        for picture in sorted(person.iterdir())
        if picture.suffix.lower() in _PICTURES
    ]
    _several_classes([label for _, _, label in entries], str(folder))
    return _files(str(folder), entries)


def _files(
    name: str, entries: Sequence[tuple[str, Path, int]], extra: Sequence[Path] = ()
) -> _Source:
    def pictures() -> Iterator[_Picture]:
        for where, path, label in entries:
            yield _Picture(where, label, path.read_bytes)

    paths = [*extra, *(path for _, path, _ in entries)]
    return _Source(name, _fingerprint(paths), pictures)


def _several_classes(labels: Sequence[int], name: str) -> None:
    count = len(set(labels))
    if count < 2:
        found = "no picture" if count == 0 else "pictures of one person only"
        raise InputError(
            f"{name} holds {found}; training needs at least two people.",
            action="Give more pictures.",
        )


def _fingerprint(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        facts = path.stat()
        digest.update(f"{path.name}|{facts.st_size}|{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _decode(source: _Source, pixels: Path, facts: Path) -> None:
    pictures, labels = source.pictures(), []
    part = pixels.with_suffix(".part")
    with part.open("wb") as stream, ThreadPoolExecutor(_DECODE_WORKERS) as workers:
        while batch := list(islice(pictures, 512)):
            for crop in workers.map(_crop, batch):
                stream.write(crop.tobytes())
            labels += [picture.label for picture in batch]
    if not labels:
        part.unlink()
        raise InputError(f"{source.name} holds no picture.", action="Correct [data].")
    shape = (len(labels), SIDE, SIDE, 3)
    header = pixels.with_suffix(".tmp")
    with header.open("wb") as whole, part.open("rb") as stream:
        np.lib.format.write_array_header_1_0(
            whole, {"descr": "|u1", "fortran_order": False, "shape": shape}
        )
        while data := stream.read(1 << 24):
            whole.write(data)
    part.unlink()
    np.savez(facts, labels=np.array(labels, np.int64))
    header.replace(pixels)


def _crop(picture: _Picture) -> NDArray[np.uint8]:
    data = picture.read()
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if pixels is None:
        raise InputError(
            f"{picture.name} is not a readable picture.", action="Replace it or take it out."
        )
    height, width = pixels.shape[:2]
    if (height, width) == (SIDE, NARROW):
        side = (SIDE - NARROW) // 2
        pixels = cv2.copyMakeBorder(pixels, 0, 0, side, side, cv2.BORDER_REPLICATE)
    elif (height, width) != (SIDE, SIDE):
        raise InputError(
            f"{picture.name} is {width} × {height} pixels (width × height); crops are 112 × 112 "
            "or 96 × 112.",
            action="Align it first.",
        )
    return np.asarray(pixels, np.uint8)


def _held_out(labels: NDArray[np.int64], parts: int) -> NDArray[np.bool_]:
    return np.array(
        [is_held_out(label, place, parts) for place, label in enumerate(labels)], np.bool_
    )


def is_held_out(label: int, place: int, of_32: int) -> bool:
    """Identities by hash of the label; crops of unknown people by hash of their place."""
    text = f"label {label}" if label >= 0 else f"place {place}"
    return hashlib.sha256(text.encode()).digest()[0] % 32 < of_32
