"""One pass over the pictures: each is detected and aligned once, and embedded by every network."""

import hashlib
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnxruntime as ort
from tqdm import tqdm

from attendance.config import default_settings
from attendance.errors import InputError, ModelError
from attendance.types import EMBEDDING_SIZE, BgrImage, Crop, FloatArray
from inference.align import align
from inference.detect import Detection, Detector
from inference.embed import Embedder
from inference.landmarks import LandmarkNetwork
from inference.manifest import ModelEntry, read_manifest
from inference.session import open_session
from models.lfw import Faces, Pair, Picture, number_faces
from models.picture_store import PictureStore

DETECTORS = {"short": "blazeface-short.onnx", "full": "blazeface-full.onnx"}
_BATCH = 16
_SIZE_WEIGHT = 0.3
_NAMED = 5
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EmbeddingPass:
    """What one pass over the pictures gave.

    vectors: by network, unit embeddings float32 (N, 128), a row for each of faces.pictures.
    stage_ms: by network, the median time of each stage; embed is for one crop.
    """

    faces: Faces
    entries: tuple[ModelEntry, ...]
    vectors: tuple[FloatArray, ...]
    stage_ms: tuple[dict[str, float], ...]


class _Stopwatch:
    """Collects how long each stage took."""

    def __init__(self) -> None:
        self._times: dict[str, list[float]] = defaultdict(list)

    @contextmanager
    def stage(self, name: str, *, share: int = 1) -> Iterator[None]:
        begun = time.perf_counter_ns()
        yield
        self._times[name].append((time.perf_counter_ns() - begun) / 1e6 / share)

    def medians(self) -> dict[str, float]:
        return {name: statistics.median(times) for name, times in self._times.items()}


class _CropMaker:
    """Detection, landmarks and alignment, as the kiosk does them."""

    def __init__(self, detector: str, *, threads: int) -> None:
        settings = default_settings().inference
        manifest = read_manifest()
        found = manifest.entry("detect", file=DETECTORS[detector])
        self._finder = Detector(
            open_session(found, providers=("cpu",), threads=threads),
            threshold=settings.detect_threshold,
            max_faces=settings.max_faces,
        )
        self._mesh = LandmarkNetwork(
            open_session(manifest.entry("landmarks"), providers=("cpu",), threads=threads)
        )
        self.watch = _Stopwatch()

    def crop(self, frame_bgr: BgrImage) -> Crop | None:
        """The face the picture is about, None if there is no face."""
        with self.watch.stage("detect"):
            detections = self._finder.detect(frame_bgr)
        if not detections:
            return None
        with self.watch.stage("landmarks"):
            (face,) = self._mesh.read(frame_bgr, [most_central(detections, frame_bgr)])
        with self.watch.stage("align"):
            return align(frame_bgr, face.landmarks)


class _TimedEmbedder:
    """One network and what it has made so far."""

    def __init__(self, entry: ModelEntry, *, threads: int, mirrored: bool | None) -> None:
        self._embedder = Embedder(open_session(entry, providers=("cpu",), threads=threads))
        self._mirrored = mirrored
        self._parts: list[FloatArray] = []
        self.watch = _Stopwatch()

    def embed(self, crops: Sequence[Crop]) -> None:
        with self.watch.stage("embed", share=len(crops)):
            made = self._embedder.embed(crops, mirrored=self._mirrored)
        self._parts.append(np.stack([one.vec for one in made]))

    def vectors(self) -> FloatArray:
        empty = np.empty((0, EMBEDDING_SIZE), np.float32)
        return np.concatenate([empty, *self._parts])


def entry_of_file(path: Path) -> ModelEntry:
    """A manifest entry for any embedder file, listed or not, from its own metadata.

    Raises ModelError if the file is missing or not an embedder of this project.
    """
    try:
        content = path.read_bytes()
        session = ort.InferenceSession(content, providers=["CPUExecutionProvider"])
        metadata = session.get_modelmeta().custom_metadata_map
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.", action="Check it.") from error
    except Exception as error:  # the runtime has no narrower common class
        raise ModelError(f"{path} is not an ONNX file.", action="Check --weights.") from error
    if metadata.get("role") != "embed":
        raise ModelError(f"{path} is not an embedder.", action="Check --weights.")
    return ModelEntry(
        file=path.name,
        model_id=metadata.get("model_id", ""),
        role="embed",
        precision=metadata.get("precision", ""),
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        thresholds={},
        figures={},
        path=path,
        network=metadata.get("network", ""),
        mirrored=metadata.get("mirrored", "true") == "true",
    )


def entries_of_files(paths: Sequence[Path]) -> tuple[ModelEntry, ...]:
    """The entries of several embedder files.

    Raises ModelError as entry_of_file does, InputError if two of them hold the same bytes.
    """
    entries: dict[str, ModelEntry] = {}
    for path in paths:
        entry = entry_of_file(path)
        twin = entries.setdefault(entry.sha256, entry)
        if twin is not entry:
            what = f"{path} is given twice" if path == twin.path else f"{path} is {twin.path} again"
            raise InputError(f"{what}.", action="Give each --weights file once.")
    return tuple(entries.values())


def most_central(detections: Sequence[Detection], frame_bgr: BgrImage) -> Detection:
    """The face the picture is about: near its centre, and rather large."""
    centre = np.array([frame_bgr.shape[1], frame_bgr.shape[0]]) / 2

    def distance(one: Detection) -> float:
        middle = one.box_xyxy.reshape(2, 2).mean(axis=0)
        return float(np.linalg.norm(middle - centre)) - _SIZE_WEIGHT * one.size_px

    return min(detections, key=distance)


def check_pairs(pairs: Sequence[Pair], pictures: Sequence[Picture], *, pairs_file: Path) -> None:
    """Raise InputError if pairs name pictures that are not there."""
    named = {picture for pair in pairs for picture in (pair.first, pair.second)}
    missing = sorted(named - set(pictures))
    if missing:
        names = ", ".join(picture_name(picture) for picture in missing[:_NAMED])
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        raise InputError(
            f"{len(missing)} pictures named in {pairs_file} are missing: {names}{more}.",
            action="Give the pictures the pairs were made for.",
        )


def picture_name(picture: Picture) -> str:
    """`Name_0001`, as the picture's file is called."""
    return f"{picture[0]}_{picture[1]:04d}"


def embed_pictures(
    store: PictureStore,
    entries: Sequence[ModelEntry],
    *,
    threads: int,
    detector: str,
    mirrored: bool | None = None,
) -> EmbeddingPass:
    """Detect, align and embed every picture; each is read, detected and aligned once.

    detector: a key of DETECTORS. mirrored: embed each crop with its mirror image; None: as the
    kiosk does with this network. Raises ModelError for a bad network, PictureError for a picture
    that is unreadable.
    """
    maker = _CropMaker(detector, threads=threads)
    embedders = [_TimedEmbedder(entry, threads=threads, mirrored=mirrored) for entry in entries]
    pictures: list[Picture] = []
    lost: list[Picture] = []
    crops: list[Crop] = []

    def flush() -> None:
        for embedder in embedders if crops else ():
            embedder.embed(crops)
        crops.clear()

    for picture, frame_bgr in _progress(store.read_all(), len(store.pictures())):
        crop = maker.crop(frame_bgr)
        if crop is None:
            lost.append(picture)
            continue
        pictures.append(picture)
        crops.append(crop)
        if len(crops) == _BATCH:
            flush()
    flush()
    return EmbeddingPass(
        faces=number_faces(pictures, lost=lost),
        entries=tuple(entries),
        vectors=tuple(embedder.vectors() for embedder in embedders),
        stage_ms=tuple(maker.watch.medians() | one.watch.medians() for one in embedders),
    )


def _progress(items: Iterable[T], total: int) -> Iterable[T]:
    return tqdm(items, total=total, unit="picture", disable=not sys.stderr.isatty())
