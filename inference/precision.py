"""Choose between the fp32 and the int8 file: "auto" measures both once on this machine."""

import hashlib
import json
import logging
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort

from attendance.config import InferenceSettings
from inference.manifest import Manifest, ModelEntry
from inference.session import ModelSession, open_session

_LOG = logging.getLogger(__name__)

CACHE_FILE = "precision.json"
PRECISIONS = ("int8", "fp32")
_WARM_UPS = 3
_ROUNDS = 15


@dataclass(frozen=True, slots=True)
class PrecisionChoice:
    """Which file embeds. reason: a few words for the settings page and the log."""

    entry: ModelEntry
    reason: str


def choose_precision(
    manifest: Manifest, *, settings: InferenceSettings, cache_dir: Path | None
) -> PrecisionChoice:
    """Return the embedder to run: the network of the settings (empty: the manifest's default) in
    the precision asked for, or with "auto" in the faster one here.

    "auto" runs both interleaved on one crop and compares medians; the answer is kept in
    precision.json of cache_dir for this machine, these files, providers and threads. A cache that
    cannot be read or written only costs the measurement. Raises
    ConfigError if there is no network of this name, ModelError.
    """
    network = settings.network
    if settings.precision != "auto":
        return PrecisionChoice(
            manifest.entry("embed", precision=settings.precision, network=network), "chosen"
        )
    entries = tuple(
        manifest.entry("embed", precision=precision, network=network) for precision in PRECISIONS
    )
    key = _machine_key(entries, settings=settings)
    cache = _read_cache(cache_dir)
    kept = cache.get(key)
    if kept is None:
        kept = measure(entries, settings=settings)
        cache[key] = kept
        _write_cache(cache_dir, cache)
    fastest = min(entries, key=lambda entry: kept[entry.precision])
    reason = ", ".join(f"{one} {kept[one]:.1f} ms" for one in PRECISIONS)
    _LOG.info("precision auto: %s, so %s", reason, fastest.precision)
    return PrecisionChoice(fastest, f"fastest here: {reason}")


def measure(entries: Sequence[ModelEntry], *, settings: InferenceSettings) -> dict[str, float]:
    """Return the median time of one crop, ms, by precision; the files take turns."""
    sessions = [
        open_session(entry, providers=settings.providers, threads=settings.threads)
        for entry in entries
    ]
    times = interleaved_ms(sessions, rounds=_ROUNDS)
    return {
        entry.precision: statistics.median(elapsed)
        for entry, elapsed in zip(entries, times, strict=True)
    }


def interleaved_ms(sessions: Sequence[ModelSession], *, rounds: int) -> list[list[float]]:
    """Return the times of one crop in each session, ms; the sessions take turns in every round."""
    times: list[list[float]] = [[] for _ in sessions]
    generator = np.random.default_rng(0)
    for turn in range(-_WARM_UPS, rounds):
        for session, elapsed in zip(sessions, times, strict=True):
            height, width = session.contract.size_hw
            batch = generator.uniform(-1, 1, (1, 3, height, width)).astype(np.float32)
            begun = time.perf_counter_ns()
            session.run(batch)
            if turn >= 0:
                elapsed.append((time.perf_counter_ns() - begun) / 1e6)
    return times


def _machine_key(entries: Sequence[ModelEntry], *, settings: InferenceSettings) -> str:
    parts = (
        platform.node(),
        platform.machine(),
        _processor(),
        str(os.cpu_count()),
        ort.__version__,
        str(settings.threads),
        ",".join(settings.providers),
        *(entry.sha256 for entry in entries),
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith("model name")), platform.processor())


def _read_cache(cache_dir: Path | None) -> dict[str, dict[str, float]]:
    if cache_dir is None:
        return {}
    try:
        raw = json.loads((cache_dir / CACHE_FILE).read_text(encoding="utf-8"))
        return {
            str(key): {precision: float(kept[precision]) for precision in PRECISIONS}
            for key, kept in raw.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        _LOG.warning("%s is not usable and is measured anew: %s", CACHE_FILE, error)
        return {}


def _write_cache(cache_dir: Path | None, cache: dict[str, dict[str, float]]) -> None:
    if cache_dir is None:
        return
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=cache_dir, prefix=CACHE_FILE, delete=False
        ) as stream:
            json.dump(cache, stream, indent=1, sort_keys=True)
        Path(stream.name).replace(cache_dir / CACHE_FILE)
    except OSError as error:
        _LOG.warning("the measured precision cannot be remembered: %s", error)
