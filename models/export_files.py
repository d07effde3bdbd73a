"""The files an export writes: their names, their metadata, their rows in the manifest."""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from attendance.errors import InputError
from attendance.types import CROP_SIZE_HW, EMBEDDING_SIZE
from models.errors import BuildError

if TYPE_CHECKING:
    from models.calibration_choice import Bench, Candidate
    from models.graph import Graph

WEIGHTS_DIR = Path(__file__).parent / "weights"
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

    @property
    def files(self) -> tuple[str, str]:
        """The names of the int8 and the fp32 file."""
        return f"{self.name}-int8.onnx", f"{self.name}-fp32.onnx"


@dataclass(frozen=True, slots=True)
class ExportFile:
    """One file to be written, with what only it has to say of itself."""

    name: str
    content: bytes
    metadata: dict[str, str]
    facts: dict[str, object]


def check_name(name: str) -> None:
    """Raise InputError unless a name is made of lower-case letters, digits and hyphens."""
    if not name or set(name) - set(_NAME) or name.strip("-") != name:
        raise InputError(
            f"«{name}» is no name for a network.",
            action="Use lower-case letters, digits and hyphens, as in mobilefacenet-native.",
        )


def check_free(request: Request) -> None:
    """Raise InputError if the name is that of a network that was not made by an export."""
    from models.manifest_file import written_entries

    for entry in written_entries(request.output):
        if entry.get("network") == request.name or entry["file"] in request.files:
            raise InputError(
                f"«{request.name}» would replace {entry['file']}, which is not an export.",
                action="Give another --name.",
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


def check_writable(folder: Path) -> None:
    """Make the folder if need be. Raises BuildError if nothing can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BuildError(
            f"{folder} cannot be written: {error.strerror}.",
            action="Check the folder, or give another as --out.",
        ) from error


def metadata_of(request: Request, *, digest: str) -> dict[str, str]:
    """What both files say of themselves. digest: of the weights; the model id holds its start, so
    that embeddings of two trainings are never compared."""
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


def int8_file(
    request: Request, common: dict[str, str], chosen: "Candidate", bench: "Bench"
) -> ExportFile:
    """The 8-bit file of the chosen candidate, and what is said of it.

    Raises BuildError if it is too large or no longer gives the embedding.
    """
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
    name = request.files[0]
    operators = operators_as_run(content)
    counts = ", ".join(f"{count} {operator}" for operator, count in sorted(operators.items()))
    print(f"{name} as ONNX Runtime runs it here: {counts}")
    rest = left_in_float(operators)
    if rest:
        listed = ", ".join(f"{count} {operator}" for operator, count in rest.items())
        print(f"note: left in float32 in the middle of the network: {listed}")
    print(f"{name} against {request.files[1]}: {chosen.to_fp32}")
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
            "held_out_loss_standard_error": round(chosen.loss_error(bench), 5),
            "mean_cosine_to_fp32": round(chosen.to_fp32.mean_cosine, 5),
            "least_cosine_to_fp32": round(chosen.to_fp32.least_cosine, 5),
        }
    }
    return ExportFile(name, content, metadata, facts)


def write_files(request: Request, files: Sequence[ExportFile], bench: "Bench") -> None:
    """Measure thresholds on the held-out crops, write the files, and renew the manifest.

    Thresholds that were measured with the very same bytes are kept. Raises BuildError if the
    folder cannot be written.
    """
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
    path = request.output / parts.THRESHOLDS_FILE
    measured = parts.read_rows(path, "thresholds")
    new = [row for row in thresholds if row["sha256"] not in measured]
    parts.add_rows(path, "thresholds", new)
    parts.write_manifest(request.output, parts.written_entries(request.output))
