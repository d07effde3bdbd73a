"""Teacher embeddings of crops as they are, computed once and kept by the hash of their content."""

import hashlib
import logging
import zlib
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from models.crops import network_input
from models.training.augment import Crops
from models.training.teacher import Float32, Teacher

_LOG = logging.getLogger(__name__)
_CHUNK = 64
_SAVE_EVERY = 64


def cached_embeddings(teacher: Teacher, crops: Crops, *, directory: Path) -> Float32:
    """Unit embeddings (N, E) of BGR crops (N, 112, 112, 3), from the directory's cache where known.

    The file belongs to this very teacher (its weights and whether it adds the mirrored crop);
    a crop is known by the SHA-256 of its pixels. What is new is computed and kept, also when the
    computation is interrupted half way. A damaged file is computed anew.
    """
    path = directory / f"targets-{teacher.digest[:16]}.npz"
    known = _read(path)
    keys = [hashlib.sha256(crop.tobytes()).hexdigest() for crop in crops]
    missing = [place for place, key in enumerate(keys) if key not in known]
    if missing:
        _LOG.info("the teacher's embeddings of %d crops are not cached yet", len(missing))
    chunks = range(0, len(missing), _CHUNK)
    for number, start in enumerate(chunks, 1):
        places = missing[start : start + _CHUNK]
        embeddings = teacher.targets(network_input(np.asarray(crops[places]))).embeddings
        known.update(zip((keys[place] for place in places), embeddings, strict=True))
        if number % _SAVE_EVERY == 0 or number == len(chunks):
            _write(path, known)
    if not keys:
        return np.zeros((0, teacher.embedding_size), np.float32)
    return np.stack([known[key] for key in keys])


def _read(path: Path) -> dict[str, NDArray[np.float32]]:
    if not path.exists():
        return {}
    try:
        with path.open("rb") as stream, np.load(stream) as stored:
            keys, embeddings = stored["keys"], stored["embeddings"]
            return dict(zip(keys.tolist(), embeddings, strict=True))
    except (OSError, ValueError, KeyError, BadZipFile, zlib.error):
        _LOG.warning("%s is damaged; it is computed anew", path)
        return {}


def _write(path: Path, known: dict[str, NDArray[np.float32]]) -> None:
    part = path.with_suffix(".part")
    with part.open("wb") as stream:
        np.savez(stream, keys=np.array(list(known)), embeddings=np.stack(list(known.values())))
    part.replace(path)
