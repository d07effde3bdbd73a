"""Make a trained network's files: `python -m models.export WEIGHTS --name NAME --crops FOLDER`.

WEIGHTS is a .npz or .pt file of `models.train`. Writes NAME-fp32.onnx and NAME-int8.onnx with
their metadata, checks them against PyTorch, chooses the calibration of the 8-bit file by accuracy
on labelled crops of people kept out of training, measures thresholds, and lists both in the
manifest. FOLDER holds the shards the training used.
"""

import argparse
import importlib.util
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path
from tqdm import tqdm

from attendance.errors import ConfigError, KnownError, ModelError
from attendance.types import CROP_SIZE_HW, EMBEDDING_SIZE
from models.export_files import (
    WEIGHTS_DIR,
    ExportFile,
    Request,
    check_free,
    check_name,
    check_writable,
    int8_file,
    metadata_of,
    weights_digest,
    write_files,
)

if TYPE_CHECKING:
    from models.calibration_choice import Bench, Candidate
    from models.graph import Graph
    from models.networks.mobilefacenet import MobileFaceNet

TUNINGS = ("auto", "always", "never")
_MEGA = 1e6
_TUNING_CROPS = 4096


def export(request: Request) -> None:
    """Do all of it, printing what is found; nothing is written unless every check passed.

    Raises KnownError: the weights, the crops, a failed check, or a folder that cannot be written.
    """
    from models.calibration_choice import bench_of
    from models.graph import to_bytes
    from models.held_out import calibration_crops, held_out_crops, open_crops
    from models.native import exact_graph, fp32_graph

    check_name(request.name)
    check_writable(request.output)
    check_free(request)
    network = read_trained(request.weights)
    store = open_crops(
        request.crops, held_out_of_32=request.held_out_of_32, cache_dir=request.cache_dir
    )
    held_out = held_out_crops(store)
    crops_bgr = calibration_crops(store, request.calibration_crops)
    exact = exact_graph(network)
    common = metadata_of(request, digest=weights_digest(exact))
    print(f"{request.weights}: {common['model_id']}")

    metadata = common | {"precision": "fp32", "quantisation": "none", "calibration": "none"}
    content = to_bytes(fp32_graph(network), metadata)
    fp32 = ExportFile(request.files[1], content, metadata, {})
    _check_parity(network, fp32, held_out.crops_bgr, request)
    bench = bench_of(fp32.content, held_out, threads=request.threads, mirrored=request.mirrored)
    chosen = _quantised(exact, crops_bgr, bench)
    if _wants_tuning(request, network, chosen, bench):
        training_bgr = calibration_crops(store, _TUNING_CROPS)
        chosen = _tuned(request, network, chosen, training_bgr, bench)
    int8 = int8_file(request, common, chosen, bench)
    write_files(request, [int8, fp32], bench)


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


def _check_parity(
    network: "MobileFaceNet", fp32: ExportFile, crops_bgr: NDArray[np.uint8], request: Request
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
    tried = candidates(exact, crops_bgr, bench, methods=METHODS, strengths=STRENGTHS)
    found = list(tqdm(tried, total=ways, unit="way", disable=not sys.stderr.isatty()))
    chosen = best(found, bench)
    print(table(found, bench, chosen=chosen))
    return chosen


def _wants_tuning(
    request: Request, network: "MobileFaceNet", chosen: "Candidate", bench: "Bench"
) -> bool:
    from models.calibration_choice import ACCEPTED_LOSS

    if request.tuning == "never":
        return False
    if network.settings.activation == "prelu":
        print("note: a network with PReLUs is not fine-tuned for 8 bits")
        return False
    loss = chosen.loss(bench)
    if request.tuning == "auto" and loss <= ACCEPTED_LOSS:
        print(f"8 bits cost {loss * 100:.2f} points of held-out accuracy: no fine-tuning")
        return False
    return True


def _tuned(
    request: Request,
    network: "MobileFaceNet",
    chosen: "Candidate",
    crops_bgr: NDArray[np.uint8],
    bench: "Bench",
) -> "Candidate":
    """The better one of the candidate and what fine-tuning makes of it."""
    from models.calibration_choice import best, measured, table
    from models.quantise_training import Tuning, tune

    print(f"fine-tuning for 8 bits: {request.tuning_steps} steps")
    settings = Tuning(steps=request.tuning_steps, threads=request.threads)
    graph = tune(network, chosen.graph, chosen.ranges, crops_bgr, settings)
    name = f"{chosen.name}, fine-tuned {request.tuning_steps} steps"
    tuned = measured(name, graph, chosen.ranges, bench)
    kept = best([chosen, tuned], bench)
    print(table([chosen, tuned], bench, chosen=kept))
    return kept


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
