"""Measure the pipeline on the shipped portraits: `python -m inference.benchmark`.

What is compared takes turns in one run, because a machine's speed drifts. Every number is a time
on the wall in milliseconds unless its name says otherwise.
"""

import argparse
import json
import logging
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime as ort

from attendance.config import Settings, default_settings
from attendance.errors import KnownError, ModelError
from attendance.policy import KioskPolicy
from attendance.types import Accepted, BgrImage, Embedding, FloatArray, Frame, FrameResult
from inference.benchmark_table import as_text
from inference.detect import Detector
from inference.gallery import MatrixGallery
from inference.manifest import read_manifest
from inference.photo import load_photo
from inference.pipeline import Pipeline
from inference.portraits import portraits
from inference.precision import interleaved_ms
from inference.reader import Networks, load_networks
from inference.session import open_session

FRAME_SIZE_HW = (480, 640)
FACES = (1, 4, 16)
STAGES = ("detect", "landmarks", "align", "embed", "search")
GALLERY_SIZES = (1_000, 10_000, 100_000, 1_000_000)
PRELU = "fp32-prelu"
_FRAME_GALLERY = 10_000
_WARM_UPS = 3
_FRAME_NS = 40_000_000
_MOST_FRAMES = 100
_HEAD_PER_BOX = 1.5
_GREY = 120


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m inference.benchmark", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--threads", type=int, default=2, help="threads of each session")
    parser.add_argument("--precision", choices=("int8", "fp32"), default="int8")
    parser.add_argument("--network", default="", help="name in the manifest (default: its default)")
    parser.add_argument("--rounds", type=int, default=100, help="frames with one face")
    parser.add_argument(
        "--sizes", type=int, nargs="*", default=list(GALLERY_SIZES), help="galleries to search"
    )
    parser.add_argument("--first-decision", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.threads < 1 or options.rounds < 1 or min(options.sizes, default=1) < 1:
        parser.error("--threads, --rounds and --sizes must be at least 1")
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    settings = default_settings().with_values(
        {
            "inference.threads": options.threads,
            "inference.precision": options.precision,
            "inference.network": options.network,
        }
    )
    try:
        if options.first_decision:
            print(first_decision(settings))
            return 0
        report = run(settings, rounds=options.rounds, sizes=options.sizes)
    except KnownError as error:
        print(f"inference.benchmark: {error}", file=sys.stderr)
        return error.exit_code
    print(json.dumps(report, indent=2) if options.json else as_text(report))
    return 0


def run(settings: Settings, *, rounds: int, sizes: Iterable[int]) -> dict[str, Any]:
    """Return everything that is measured, by the keys the JSON has."""
    start_ms = measure_start_ms(settings)
    networks = load_networks(settings.inference)
    frames = measure_frames(networks, settings=settings, rounds=rounds)
    rss_mb = resident_mb()
    embedders = measure_embedders(settings, rounds=max(10, rounds // 2))
    running = Path(networks.entry.file).stem
    return {
        "machine": {
            "processor": processor_name(),
            "cores": os.cpu_count(),
            "system": platform.platform(),
            "onnxruntime": ort.__version__,
            "provider": networks.embedder.session.provider,
        },
        "threads": settings.inference.threads,
        "precision": settings.inference.precision,
        "model_id": networks.entry.model_id,
        "detector": settings.inference.detector,
        "rounds": rounds,
        **frames,
        "embedder": running,
        "embedders": embedders,
        "embed_ms": {file: found["run_ms"] for file, found in embedders.items()},
        "embed_speedup_over_prelu_fp32": embedders[running]["speedup"],
        "search_ms": {str(size): measure_search_ms(size) for size in sizes},
        "start_ms": start_ms,
        "rss_mb": rss_mb,
    }


def measure_frames(networks: Networks, *, settings: Settings, rounds: int) -> dict[str, Any]:
    """Return stage_ms (p50, one face), frame_ms by number of faces, and what was in the frames.

    The product's own pipeline with 10,000 templates; its quality gate is opened, so that every
    face whose turn it is gets embedded, and a crowd is found by the full-range detector where the
    short-range one misses somebody.
    """
    opened = settings.with_values(
        {"quality.min_face_px": 20, "quality.min_face_share": 0, "inference.max_faces": 64}
    )
    gallery = random_gallery(_FRAME_GALLERY, model_id=networks.entry.model_id)
    shipped = [load_photo(portrait.path) for portrait in portraits()]
    frame_ms, found, stage_ms = {}, {}, {}
    for count in FACES:
        picture = tiled(shipped, count=count, detector=networks.detector)
        running, name = networks, settings.inference.detector
        if len(networks.detector.detect(picture)) < count and name == "short":
            running, name = with_full_range(networks, settings=opened), "full"
        pipeline = Pipeline(running, settings=opened, gallery=gallery)
        results, times = _timed(pipeline, picture, rounds=max(10, rounds * 2 // (1 + count)))
        frame_ms[str(count)] = percentiles(times)
        found[str(count)] = {
            "faces": statistics.median(len(result.faces) for result in results),
            "embedded": statistics.mean(
                sum(face.match is not None for face in result.faces) for result in results
            ),
            "detector": name,
            "frames": len(results),
        }
        if count == 1:
            stage_ms = {
                stage: statistics.median(result.stage_ms[stage] for result in results)
                for stage in STAGES
            }
    return {"stage_ms": rounded(stage_ms), "frame_ms": frame_ms, "frames": found}


def measure_embedders(settings: Settings, *, rounds: int) -> dict[str, dict[str, Any]]:
    """Return what one crop takes with every embedder, by file.

    run_ms: p50 of one run of the network. speedup: how many times faster than the file with plain
    PReLU nodes. runs: how often the network runs for a crop, 2 with its mirror image. crop_speedup:
    the same for all runs of a crop; the baseline counts as two, as the network it holds needs.
    All files take turns. Raises ModelError if the one with plain PReLU nodes is missing.
    """
    entries = [entry for entry in read_manifest().entries if entry.role == "embed"]
    sessions = [
        open_session(
            entry,
            providers=settings.inference.providers,
            threads=settings.inference.threads,
        )
        for entry in entries
    ]
    medians = [statistics.median(times) for times in interleaved_ms(sessions, rounds=rounds)]
    baseline = [
        (elapsed, 2 if entry.mirrored else 1)
        for entry, elapsed in zip(entries, medians, strict=True)
        if entry.precision == PRELU
    ]
    if not baseline:
        raise ModelError(
            f"No shipped network has the precision «{PRELU}» to compare with.",
            action="Build it with `python -m models.build`.",
        )
    plain_ms, plain_runs = baseline[0]
    found = {}
    for entry, elapsed in zip(entries, medians, strict=True):
        runs = 2 if entry.mirrored else 1
        found[Path(entry.file).stem] = {
            "network": entry.network,
            "precision": entry.precision,
            "mb": round(entry.bytes / 1e6, 2),
            "run_ms": round(elapsed, 3),
            "speedup": round(plain_ms / elapsed, 3),
            "runs": runs,
            "crop_speedup": round(plain_ms * plain_runs / (elapsed * runs), 3),
        }
    return found


def measure_search_ms(templates: int) -> float:
    """Return the p50 of one search among so many people with one template each."""
    gallery = random_gallery(templates, model_id="benchmark")
    probe = Embedding(vec=random_units(1, seed=1)[0], model_id="benchmark")
    times = []
    for turn in range(-_WARM_UPS, 30 if templates <= _FRAME_GALLERY * 10 else 10):
        begun = time.perf_counter_ns()
        gallery.search(probe, threshold=0.5)
        if turn >= 0:
            times.append(_ms_since(begun))
    return round(statistics.median(times), 3)


def measure_start_ms(settings: Settings) -> float:
    """Return the time from starting a process until it has accepted the first person.

    A new interpreter loads the networks, enrols one shipped portrait and is shown it until the
    policy decides; frames come as fast as they are taken, there is no window and no database.
    """
    command = [sys.executable, "-m", "inference.benchmark", "--first-decision"]
    command += ["--threads", str(settings.inference.threads)]
    command += ["--precision", settings.inference.precision]
    command += ["--network", settings.inference.network]
    begun = time.perf_counter_ns()
    done = subprocess.run(  # noqa: S603 - this program itself
        command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent.parent
    )
    elapsed_ms = _ms_since(begun)
    if done.returncode:
        raise ModelError(f"The first decision was not reached: {done.stderr.strip()}")
    return round(elapsed_ms, 1)


def first_decision(settings: Settings) -> str:
    """Enrol the first portrait, look at it until somebody is accepted, and return who it is."""
    networks = load_networks(settings.inference)
    portrait = portraits()[0]
    picture = load_photo(portrait.path)
    (look,) = networks.reader(settings.quality).read(picture)
    gallery = MatrixGallery(
        networks.entry.model_id,
        [portrait.person_id],
        look.embedding.vec[None],
        thresholds=networks.entry.thresholds,
    )
    pipeline = Pipeline(networks, settings=settings, gallery=gallery)
    policy = KioskPolicy(settings.recognition, model_id=networks.entry.model_id)
    for seq in range(_MOST_FRAMES):
        for decision in policy.observe(pipeline.process(_frame(picture, seq=seq))):
            if isinstance(decision, Accepted):
                return decision.person_id
    raise ModelError(f"Nobody was accepted in {_MOST_FRAMES} frames.")


def tiled(pictures: Sequence[BgrImage], *, count: int, detector: Detector) -> BgrImage:
    """Return a 640 × 480 frame with the heads of so many portraits side by side."""
    columns = round(count**0.5)
    height, width = FRAME_SIZE_HW[0] // columns, FRAME_SIZE_HW[1] // columns
    frame = np.full((*FRAME_SIZE_HW, 3), _GREY, np.uint8)
    for number in range(count):
        head = _head(pictures[number % len(pictures)], detector=detector)
        side = min(height, width)
        top = number // columns * height + (height - side) // 2
        left = number % columns * width + (width - side) // 2
        frame[top : top + side, left : left + side] = cv2.resize(
            head, (side, side), interpolation=cv2.INTER_AREA
        )
    return frame


def with_full_range(networks: Networks, *, settings: Settings) -> Networks:
    """Return the same networks with the detector for small and many faces."""
    inference = replace(settings.inference, detector="full")
    session = open_session(
        read_manifest().entry("detect", file="blazeface-full.onnx"),
        providers=inference.providers,
        threads=inference.threads,
    )
    detector = Detector(
        session, threshold=inference.detect_threshold, max_faces=inference.max_faces
    )
    return replace(networks, detector=detector)


def random_units(rows: int, *, seed: int = 0) -> FloatArray:
    """Return float32 (N, 128), unit length, the same for the same seed."""
    vectors = np.random.default_rng(seed).standard_normal((rows, 128), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors.flags.writeable = False
    return vectors


def random_gallery(people: int, *, model_id: str) -> MatrixGallery:
    """Return a gallery of strangers with one template each."""
    ids = [f"{number:07d}" for number in range(people)]
    return MatrixGallery(model_id, ids, random_units(people), thresholds={})


def percentiles(times_ms: Sequence[float]) -> dict[str, float]:
    """Return p50, p95 and p99."""
    return {f"p{share}": round(float(np.percentile(times_ms, share)), 2) for share in (50, 95, 99)}


def rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {key: round(value, 3) for key, value in values.items()}


def resident_mb() -> float | None:
    """Return the memory this process has in RAM, MB, or None where that cannot be told."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)
    except OSError:
        pass
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / 1e6 if sys.platform == "darwin" else peak / 1e3, 1)


def processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        platform.processor(),
    )


def _timed(
    pipeline: Pipeline, picture: BgrImage, *, rounds: int
) -> tuple[list[FrameResult], list[float]]:
    results, times = [], []
    for seq in range(-_WARM_UPS, rounds):
        frame = _frame(picture, seq=seq + _WARM_UPS)
        begun = time.perf_counter_ns()
        result = pipeline.process(frame)
        if seq >= 0:
            times.append(_ms_since(begun))
            results.append(result)
    return results, times


def _frame(picture: BgrImage, *, seq: int) -> Frame:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    mono_ns = seq * _FRAME_NS
    return Frame(
        seq=seq,
        mono_ns=mono_ns,
        at_utc=began + timedelta(microseconds=mono_ns // 1000),
        bgr=picture,
    )


def _head(picture: BgrImage, *, detector: Detector) -> BgrImage:
    found = detector.detect(picture)
    if not found:
        raise ModelError("A shipped portrait shows no face.")
    x0, y0, x1, y1 = (float(v) for v in found[0].box_xyxy)
    half = round(min(found[0].size_px * _HEAD_PER_BOX, *picture.shape[:2]) / 2)
    x = int(np.clip((x0 + x1) / 2, half, picture.shape[1] - half))
    y = int(np.clip((y0 + y1) / 2, half, picture.shape[0] - half))
    return picture[y - half : y + half, x - half : x + half]


def _ms_since(begun_ns: int) -> float:
    return (time.perf_counter_ns() - begun_ns) / 1e6


if __name__ == "__main__":
    sys.exit(main())
