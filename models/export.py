"""Make a trained network's files: `python -m models.export WEIGHTS --name NAME --crops FOLDER`.

WEIGHTS is a .npz or .pt file of `models.train`. Writes NAME-fp32.onnx and NAME-int8.onnx with
their metadata, checks them against PyTorch, chooses the calibration of the 8-bit file by accuracy
on labelled crops of people kept out of training, measures thresholds, and lists both in the
manifest. FOLDER holds the shards the training used.
"""

import argparse
import hashlib
import importlib.util
import logging
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path
from tqdm import tqdm

from attendance.errors import ConfigError, InputError, KnownError, ModelError
from attendance.types import CROP_SIZE_HW, EMBEDDING_SIZE
from models.errors import BuildError

if TYPE_CHECKING:
    from models.calibration_choice import Bench, Candidate
    from models.graph import Graph
    from models.networks.mobilefacenet import MobileFaceNet

WEIGHTS_DIR = Path(__file__).parent / "weights"
TUNINGS = ("auto", "always", "never")
_NAME = "abcdefghijklmnopqrstuvwxyz0123456789-"
_MEGA = 1e6
_LEAST_INT8_COSINE = 0.95
Tuning = Literal["auto", "always", "never"]


@dataclass(frozen=True, slots=True)
class Request:
    """What is exported and how; paths as given. tolerance: largest difference to PyTorch of a
    component of a unit embedding. tuning: quantisation-aware fine-tuning when 8 bits lose more
    than 0.05 points of held-out accuracy, always, or never."""

    weights: Path
    name: str
    crops: Path
    output: Path = WEIGHTS_DIR
    cache_dir: Path = Path()
    mirrored: bool = False
    held_out_of_32: int = 1
    calibration_crops: int = 128
    tuning: Tuning = "auto"
    tuning_steps: int = 300
    threads: int = 2
    tolerance: float = 1e-4
    most_int8_bytes: int = 1_300_000
    licence: str = "Apache-2.0"
    upstream: str = "distilled from mobilefacenet-import"
    command: str = ""


@dataclass(frozen=True, slots=True)
class _File:
    """One file to be written, with what only it has to say of itself."""

    name: str
    content: bytes
    metadata: dict[str, str]
    facts: dict[str, object]


def export(request: Request) -> None:
    """Do all of it, printing what is found; nothing is written unless every check passed.

    Raises KnownError: the weights, the crops, a failed check, or a folder that cannot be written.
    """
    from models.calibration_choice import bench_of
    from models.graph import to_bytes
    from models.held_out import calibration_crops, held_out_crops, open_crops
    from models.native import exact_graph, fp32_graph

    check_name(request.name)
    _check_writable(request.output)
    network = read_trained(request.weights)
    store = open_crops(
        request.crops, held_out_of_32=request.held_out_of_32, cache_dir=request.cache_dir
    )
    held_out = held_out_crops(store)
    crops_bgr = calibration_crops(store, request.calibration_crops)
    exact = exact_graph(network)
    common = _metadata(request, digest=weights_digest(exact))
    print(f"{request.weights}: {common['model_id']}")

    fp32 = _File(
        f"{request.name}-fp32.onnx",
        to_bytes(
            fp32_graph(network),
            metadata := common
            | {"precision": "fp32", "quantisation": "none", "calibration": "none"},
        ),
        metadata,
        {},
    )
    _check_parity(network, fp32, held_out.crops_bgr, request)
    bench = bench_of(fp32.content, held_out, threads=request.threads, mirrored=request.mirrored)
    chosen = _quantised(exact, crops_bgr, bench)
    int8 = _int8_file(request, common, chosen, bench)
    _write(request, [int8, fp32], bench)


def read_trained(weights: Path) -> "MobileFaceNet":
    """The trained network of a weights file or checkpoint.

    Raises ModelError if it holds no such network, or one that a kiosk cannot run.
    """
    from models.training.checkpoint import read_network

    try:
        network = read_network(weights)
    except ValueError as error:
        raise ModelError(
            f"{weights} holds settings no network can be built from: {error}.",
            action="Give a .npz or .pt file that models.train wrote.",
        ) from error
    settings = network.settings
    if (settings.input_hw, settings.embedding_size) != (CROP_SIZE_HW, EMBEDDING_SIZE):
        height, width = settings.input_hw
        raise ModelError(
            f"{weights} holds a network of {height} × {width} → {settings.embedding_size}-d; a "
            f"kiosk runs {CROP_SIZE_HW[0]} × {CROP_SIZE_HW[1]} → {EMBEDDING_SIZE}-d.",
            action="Train it with that size.",
        )
    return network


def check_name(name: str) -> None:
    """Raise InputError unless a name is made of lower-case letters, digits and hyphens."""
    if not name or set(name) - set(_NAME) or name.strip("-") != name:
        raise InputError(
            f"«{name}» is no name for a network.",
            action="Use lower-case letters, digits and hyphens, as in mobilefacenet-native.",
        )


def weights_digest(exact: "Graph") -> str:
    """SHA-256 of what the network computes with: its folded weights, in order.

    The same for a checkpoint and for the weights file made from it.
    """
    digest = hashlib.sha256()
    for node in exact.nodes:
        digest.update(repr((node.op, sorted(node.attributes.items()))).encode())
        for name in node.inputs:
            if name in exact.arrays:
                digest.update(exact.arrays[name].tobytes())
    return digest.hexdigest()


def _check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BuildError(
            f"{folder} cannot be written: {error.strerror}.",
            action="Check the folder, or give another as --out.",
        ) from error


def _metadata(request: Request, *, digest: str) -> dict[str, str]:
    height, width = CROP_SIZE_HW
    return {
        "model_id": f"{request.name}-{height}x{width}-{EMBEDDING_SIZE}-{digest[:8]}",
        "role": "embed",
        "input_size_hw": f"{height},{width}",
        "colour_order": "RGB",
        "mean": "127.5",
        "scale": "0.0078125",
        "embedding_size": str(EMBEDDING_SIZE),
        "template": "112x96-arcface",
        "normalised": "true",
        "network": request.name,
        "mirrored": "true" if request.mirrored else "false",
        "weights_sha256": digest,
        "licence": request.licence,
    }


def _check_parity(
    network: "MobileFaceNet", fp32: _File, crops_bgr: NDArray[np.uint8], request: Request
) -> None:
    from models.native import torch_embeddings
    from models.parity import compare, onnx_embeddings, require

    ours = torch_embeddings(network, crops_bgr, threads=request.threads)
    theirs = onnx_embeddings(fp32.content, crops_bgr, threads=request.threads, mirrored=False)
    parity = compare(ours, theirs)
    print(f"{fp32.name} against PyTorch, {len(ours)} crops: {parity}")
    require(parity, what=fp32.name, tolerance=request.tolerance)


def _quantised(exact: "Graph", crops_bgr: NDArray[np.uint8], bench: "Bench") -> "Candidate":
    from models.calibration_choice import STRENGTHS, best, candidates, table
    from models.range_methods import METHODS

    ways = len(METHODS) * len(STRENGTHS)
    tried = candidates(exact, crops_bgr, bench)
    found = list(tqdm(tried, total=ways, unit="way", disable=not sys.stderr.isatty()))
    chosen = best(found, bench)
    print(table(found, bench, chosen=chosen))
    return chosen


def _int8_file(
    request: Request, common: dict[str, str], chosen: "Candidate", bench: "Bench"
) -> _File:
    from models.graph import to_bytes
    from models.native import int8_graph
    from models.parity import left_in_float, operators_as_run

    metadata = common | {
        "precision": "int8",
        "quantisation": (
            "QDQ static, activations uint8 a tensor, weights int8 a channel, no saturation"
        ),
        "calibration": f"{chosen.name}; {request.calibration_crops} crops",
    }
    content = to_bytes(int8_graph(chosen.graph, chosen.ranges), metadata)
    name = f"{request.name}-int8.onnx"
    operators = operators_as_run(content)
    counts = ", ".join(f"{count} {operator}" for operator, count in sorted(operators.items()))
    print(f"{name} as ONNX Runtime runs it here: {counts}")
    rest = left_in_float(operators)
    if rest:
        listed = ", ".join(f"{count} {operator}" for operator, count in rest.items())
        print(f"note: left in float32 in the middle of the network: {listed}")
    print(f"{name} against {request.name}-fp32.onnx: {chosen.to_fp32}")
    if len(content) > request.most_int8_bytes:
        raise BuildError(
            f"{name} would have {len(content) / _MEGA:.2f} MB; allowed are "
            f"{request.most_int8_bytes / _MEGA:.2f}.",
            action="Train a smaller network, or allow more with --most-mb.",
        )
    if chosen.to_fp32.mean_cosine < _LEAST_INT8_COSINE:
        raise BuildError(
            f"{name} has lost the embedding: its mean cosine to float32 is "
            f"{chosen.to_fp32.mean_cosine:.3f}.",
            action="Do not ship it; train with an activation that quantises.",
        )
    genuine, impostor = bench.held_out.pair_counts
    facts: dict[str, object] = {
        "quantisation": {
            "calibration": chosen.name,
            "calibration_crops": request.calibration_crops,
            "held_out_people": bench.held_out.person_count,
            "held_out_genuine_pairs": genuine,
            "held_out_impostor_pairs": impostor,
            "held_out_accuracy_fp32": round(bench.figures.accuracy, 5),
            "held_out_accuracy_int8": round(chosen.figures.accuracy, 5),
            "mean_cosine_to_fp32": round(chosen.to_fp32.mean_cosine, 5),
            "least_cosine_to_fp32": round(chosen.to_fp32.least_cosine, 5),
        }
    }
    return _File(name, content, metadata, facts)


def _write(request: Request, files: Sequence[_File], bench: "Bench") -> None:
    from models import manifest_file as parts
    from models.parity import onnx_embeddings
    from models.thresholds import as_row, as_text, measure_thresholds

    rows, thresholds = [], []
    for file in files:
        digest = hashlib.sha256(file.content).hexdigest()
        rows.append(
            {
                "file": file.name,
                "model_id": file.metadata["model_id"],
                "role": "embed",
                "precision": file.metadata["precision"],
                "sha256": digest,
                "bytes": len(file.content),
                "licence": request.licence,
                "network": request.name,
                "mirrored": request.mirrored,
                "provenance": {
                    "source": "models.export",
                    "weights": request.weights.name,
                    "weights_sha256": file.metadata["weights_sha256"],
                    "upstream": request.upstream,
                    "command": request.command,
                },
            }
            | file.facts
        )
        vectors = onnx_embeddings(
            file.content,
            bench.held_out.crops_bgr,
            threads=request.threads,
            mirrored=request.mirrored,
        )
        report = measure_thresholds(vectors, bench.held_out.people)
        print(f"{file.name}: {len(file.content):,} bytes\n{as_text(report)}")
        origin = "crops of people kept out of training; see models.thresholds"
        thresholds.append(
            {"sha256": digest, "file": file.name, "measured_on": origin} | as_row(report)
        )
    for file in files:
        parts.write_bytes(request.output / file.name, file.content)
    parts.add_rows(request.output / parts.EXPORTS_FILE, "export", rows)
    parts.add_rows(request.output / parts.THRESHOLDS_FILE, "thresholds", thresholds)
    parts.write_manifest(request.output, parts.written_entries(request.output))


def main(arguments: Sequence[str] | None = None) -> int:
    """Export one network; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m models.export", description=__doc__)
    parser.add_argument("weights", type=Path, metavar="WEIGHTS", help=".npz or .pt of models.train")
    parser.add_argument("--name", required=True, help="name in the manifest and of the files")
    parser.add_argument("--crops", type=Path, required=True, help="folder of the training's shards")
    parser.add_argument("--out", type=Path, default=WEIGHTS_DIR, help="folder for the files")
    parser.add_argument(
        "--cache", type=Path, default=user_cache_path("clockface") / "crops", help="decoded crops"
    )
    parser.add_argument(
        "--mirrored",
        action="store_true",
        help="a kiosk adds the embedding of each crop's mirror image: two runs of the network; "
        "for a network that was not trained for one run",
    )
    parser.add_argument("--held-out-of-32", type=int, default=1, help="as in the training's [data]")
    parser.add_argument("--calibration-crops", type=int, default=128)
    parser.add_argument(
        "--tune", choices=TUNINGS, default="auto", help="quantisation-aware fine-tuning"
    )
    parser.add_argument("--tune-steps", type=int, default=300)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tolerance", type=float, default=1e-4, help="allowed |Δ| to PyTorch")
    parser.add_argument("--most-mb", type=float, default=1.3, help="of the int8 file")
    parser.add_argument("--licence", default="Apache-2.0")
    parser.add_argument("--upstream", default="distilled from mobilefacenet-import")
    options = parser.parse_args(arguments)
    if min(options.calibration_crops, options.tune_steps, options.threads) < 1:
        parser.error("--calibration-crops, --tune-steps and --threads must be at least 1")
    if not 1 <= options.held_out_of_32 <= 31:
        parser.error("--held-out-of-32 must lie between 1 and 31")
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    request = Request(
        weights=options.weights,
        name=options.name,
        crops=options.crops,
        output=options.out,
        cache_dir=options.cache,
        mirrored=options.mirrored,
        held_out_of_32=options.held_out_of_32,
        calibration_crops=options.calibration_crops,
        tuning=options.tune,
        tuning_steps=options.tune_steps,
        threads=options.threads,
        tolerance=options.tolerance,
        most_int8_bytes=round(options.most_mb * _MEGA),
        licence=options.licence,
        upstream=options.upstream,
        command=_command(options),
    )
    try:
        require_packages()
        export(request)
    except KnownError as error:
        print(f"models.export: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def require_packages() -> None:
    """Raise ConfigError naming the extra if PyTorch or onnx is not installed."""
    for package, what in (("torch", "PyTorch"), ("onnx", "onnx")):
        loaded = package in sys.modules
        if (loaded and sys.modules[package] is None) or (
            not loaded and importlib.util.find_spec(package) is None
        ):
            raise ConfigError(
                f"Exporting a network needs {what}, which is not installed.",
                action='Run python -m pip install -e ".[train,build]".',
            )


def _command(options: argparse.Namespace) -> str:
    """The command without the paths of this machine."""
    words = [f"python -m models.export {options.weights.name} --name {options.name}"]
    if options.mirrored:
        words.append("--mirrored")
    if options.held_out_of_32 != 1:
        words.append(f"--held-out-of-32 {options.held_out_of_32}")
    if options.tune != "auto":
        words.append(f"--tune {options.tune}")
    return " ".join(words)


if __name__ == "__main__":
    sys.exit(main())
