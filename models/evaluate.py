"""Measure an embedder on LFW-style pictures with the product's own pipeline.

`python -m models.evaluate --images DIR|TAR --pairs FILE [--weights FILE] [--json] [--write]`
"""

import argparse
import hashlib
import json
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
from attendance.errors import InputError, KnownError, ModelError
from attendance.types import BgrImage, Crop, FloatArray
from inference.align import align
from inference.detect import Detection, Detector
from inference.embed import Embedder
from inference.landmarks import LandmarkNetwork
from inference.manifest import ModelEntry, read_manifest
from inference.session import open_session
from models.figures import Figures, add_figures
from models.lfw import Picture, Roc, fold_accuracies, pair_similarities, read_pairs, roc
from models.picture_store import PictureStore

_BATCH = 16
_SIZE_WEIGHT = 0.3
_NAMED = 5
_DETECTORS = {"short": "blazeface-short.onnx", "full": "blazeface-full.onnx"}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one run found. Rates are fractions; stage_ms: median by stage, embed a crop."""

    accuracy: float
    std: float
    roc: Roc
    detected: int
    images: int
    pairs: int
    undetected: tuple[str, ...]
    stage_ms: dict[str, float]
    entry: ModelEntry


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
    )


def most_central(detections: Sequence[Detection], frame_bgr: BgrImage) -> Detection:
    """The face the picture is about: near its centre, and rather large."""
    centre = np.array([frame_bgr.shape[1], frame_bgr.shape[0]]) / 2

    def distance(one: Detection) -> float:
        middle = one.box_xyxy.reshape(2, 2).mean(axis=0)
        return float(np.linalg.norm(middle - centre)) - _SIZE_WEIGHT * one.size_px

    return min(detections, key=distance)


def evaluate(
    store: PictureStore,
    pairs_file: Path,
    entry: ModelEntry,
    *,
    threads: int,
    detector: str,
    mirrored: bool = True,
) -> Evaluation:
    """Run detection, landmarks, alignment and embedding on every picture and score the pairs.

    mirrored: embed each crop with its mirror image, as the kiosk does.
    Raises InputError if pairs name pictures that are not there, ModelError for a bad file.
    """
    pairs = read_pairs(pairs_file)
    known = set(store.pictures())
    missing = sorted({p for pair in pairs for p in (pair.first, pair.second)} - known)
    if missing:
        names = ", ".join(f"{name}_{number:04d}" for name, number in missing[:_NAMED])
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        raise InputError(
            f"{len(missing)} pictures named in {pairs_file} are missing: {names}{more}.",
            action="Give the pictures the pairs were made for.",
        )
    settings = default_settings().inference
    manifest = read_manifest()
    finder = Detector(
        open_session(
            manifest.entry("detect", file=_DETECTORS[detector]), providers=("cpu",), threads=threads
        ),
        threshold=settings.detect_threshold,
        max_faces=settings.max_faces,
    )
    mesh = LandmarkNetwork(
        open_session(manifest.entry("landmarks"), providers=("cpu",), threads=threads)
    )
    embedder = Embedder(open_session(entry, providers=("cpu",), threads=threads))
    watch = _Stopwatch()
    crops: dict[Picture, Crop] = {}
    embeddings: dict[Picture, FloatArray] = {}

    def flush() -> None:
        if not crops:
            return
        with watch.stage("embed", share=len(crops)):
            made = embedder.embed(list(crops.values()), mirrored=mirrored)
        embeddings.update(zip(crops, (one.vec for one in made), strict=True))
        crops.clear()

    for picture, frame_bgr in _progress(store.read_all(), len(known)):
        with watch.stage("detect"):
            detections = finder.detect(frame_bgr)
        if not detections:
            continue
        with watch.stage("landmarks"):
            (face,) = mesh.read(frame_bgr, [most_central(detections, frame_bgr)])
        with watch.stage("align"):
            crops[picture] = align(frame_bgr, face.landmarks)
        if len(crops) == _BATCH:
            flush()
    flush()
    same = np.array([pair.same for pair in pairs])
    folds = np.array([pair.fold for pair in pairs], np.int64)
    accuracies = fold_accuracies(pair_similarities(pairs, embeddings), same, folds)
    numbers = {name: index for index, name in enumerate(sorted({name for name, _ in known}))}
    lost = sorted(known - set(embeddings))
    curve = roc(
        np.stack(list(embeddings.values())) if embeddings else np.empty((0, 128), np.float32),
        np.array([numbers[name] for name, _ in embeddings], np.int64),
        undetected=[numbers[name] for name, _ in lost],
    )
    return Evaluation(
        accuracy=statistics.fmean(accuracies),
        std=statistics.pstdev(accuracies),
        roc=curve,
        detected=len(embeddings),
        images=len(known),
        pairs=len(pairs),
        undetected=tuple(f"{name}_{number:04d}" for name, number in lost),
        stage_ms=watch.medians(),
        entry=entry,
    )


def _progress(items: Iterable[T], total: int) -> Iterable[T]:
    return tqdm(items, total=total, unit="picture", disable=not sys.stderr.isatty())


def as_json(found: Evaluation) -> str:
    """The evaluation as one JSON object."""
    return json.dumps(
        {
            "accuracy": found.accuracy,
            "std": found.std,
            "tar": found.roc.tar,
            "thresholds": found.roc.thresholds,
            "detected": found.detected,
            "images": found.images,
            "undetected": list(found.undetected),
            "pairs": found.pairs,
            "genuine_pairs": found.roc.genuine_pairs,
            "impostor_pairs": found.roc.impostor_pairs,
            "stage_ms": found.stage_ms,
            "model_id": found.entry.model_id,
            "precision": found.entry.precision,
            "file": found.entry.file,
            "sha256": found.entry.sha256,
        },
        indent=2,
    )


def as_text(found: Evaluation) -> str:
    """The evaluation for reading."""
    lines = [
        f"{found.entry.file} ({found.entry.model_id}, {found.entry.precision})",
        f"accuracy {found.accuracy:.2%} ± {found.std:.2%} over {found.pairs} pairs",
        f"faces found in {found.detected} of {found.images} pictures",
    ]
    lines += [
        f"TAR {found.roc.tar[rate]:.2%} at FAR {rate} (threshold {threshold:.3f})"
        for rate, threshold in found.roc.thresholds.items()
    ]
    lines.append(
        f"over {found.roc.genuine_pairs:,} genuine and {found.roc.impostor_pairs:,} impostor pairs"
    )
    lines.append(", ".join(f"{stage} {ms:.2f} ms" for stage, ms in found.stage_ms.items()))
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate one embedder; print text or JSON; with --write store the figures for the build."""
    parser = argparse.ArgumentParser(prog="python -m models.evaluate", description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="LFW folder or tar file")
    parser.add_argument("--pairs", type=Path, required=True, help="LFW pairs file")
    parser.add_argument("--weights", type=Path, help="embedder .onnx (default: the shipped int8)")
    parser.add_argument("--detector", choices=sorted(_DETECTORS), default="short")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    kept = parser.add_mutually_exclusive_group()
    kept.add_argument("--plain", action="store_true", help="without the crops' mirror images")
    kept.add_argument("--write", action="store_true", help="keep the figures beside the weights")
    options = parser.parse_args(arguments)
    try:
        if options.weights is None:
            entry = read_manifest().entry("embed", precision="int8")
        else:
            entry = entry_of_file(options.weights)
        store = PictureStore(options.images)
        found = evaluate(
            store,
            options.pairs,
            entry,
            threads=options.threads,
            detector=options.detector,
            mirrored=not options.plain,
        )
        print(as_json(found) if options.json else as_text(found))
        if options.write:
            command = (
                f"python -m models.evaluate --images {options.images} --pairs {options.pairs} "
                f"--weights models/weights/{entry.file}"
            )
            add_figures(
                Figures(
                    sha256=entry.sha256,
                    file=entry.file,
                    lfw_accuracy=found.accuracy,
                    lfw_std=found.std,
                    pairs=found.pairs,
                    detected=found.detected,
                    images=found.images,
                    impostor_pairs=found.roc.impostor_pairs,
                    tar=found.roc.tar,
                    thresholds=found.roc.thresholds,
                    command=command,
                )
            )
    except KnownError as error:
        print(f"models.evaluate: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
