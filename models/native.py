"""A trained MobileFaceNet as the graphs that ship: float32, and the one that is quantised."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.crops import network_input
from models.equalise import HOMOGENEOUS, equalise_activations, equalise_streams, streams
from models.graph import Graph
from models.quantise import Quantiser, quantised_tensors, split_form
from models.range_methods import Observed, Range, observe_values
from models.ranges import observe, usual_channels
from models.rewrite import flip_signs, normalise_output, split_prelu

if TYPE_CHECKING:  # what needs PyTorch imports it itself
    from models.networks.mobilefacenet import MobileFaceNet

_BATCH = 32
CHANNEL_SHARE = 0.95
_PIXELS: Range = (-127.5 / 128, 127.5 / 128)


def fp32_graph(network: "MobileFaceNet") -> Graph:
    """`crops` (N, 3, H, W), RGB, (x − 127.5) / 128, to unit `embeddings` (N, E), norms folded in.

    PReLUs are written in the form ONNX Runtime keeps fused; the other activations it fuses itself.
    """
    graph = exact_graph(network)
    split_prelu(graph)
    normalise_output(graph)
    return graph


def exact_graph(network: "MobileFaceNet") -> Graph:
    """The network with its norms folded in and every PReLU slope in [−1, 1], raw length."""
    from models.networks.to_graph import to_graph

    graph = to_graph(network)
    flip_signs(graph)
    return graph


def equalised_graph(
    graph: Graph, crops_bgr: NDArray[np.uint8], *, strength: float, threads: int
) -> Graph:
    """The exact graph in the form that is quantised, its channels scaled towards equal reach.

    strength: 0 leaves them as they are, 1 makes what they reach on the crops equal.
    """
    result = graph.copy()
    if strength > 0:
        names = [node.inputs[0] for node in graph.nodes if node.op in HOMOGENEOUS]
        names += sorted({name for group in streams(graph) for name in group})
        reached = observe(graph, names, crops_bgr, threads=threads)
        usual = {name: usual_channels(values, CHANNEL_SHARE) for name, values in reached.items()}
        equalise_activations(result, usual, strength=strength)
        equalise_streams(result, usual, strength=strength)
    return split_form(result)


def observe_graph(
    graph: Graph, crops_bgr: NDArray[np.uint8], *, threads: int
) -> dict[str, Observed]:
    """What every tensor that is rounded does on the crops."""
    names = quantised_tensors(graph)
    reached = observe(graph, names, crops_bgr, threads=threads)
    return observe_values(graph, names, crops_bgr, reached=reached, threads=threads)


def int8_graph(graph: Graph, ranges: dict[str, Range]) -> Graph:
    """The equalised graph in static 8 bits; the embedding itself and its length stay float32."""
    last = [node for node in graph.nodes if node.op == "Conv"][-1]
    ranges = ranges | {graph.inputs[0].name: _PIXELS}
    quantised = Quantiser(graph, ranges, frozenset({last.output})).run()
    normalise_output(quantised)
    return quantised


def torch_embeddings(
    network: "MobileFaceNet", crops_bgr: NDArray[np.uint8], *, threads: int
) -> NDArray[np.float32]:
    """Unit embeddings (N, E) of crops uint8 (N, H, W, 3) by PyTorch itself."""
    import torch

    from models.networks.mobilefacenet import embed

    torch.set_num_threads(threads)
    network.eval()
    parts = [
        embed(network, torch.from_numpy(network_input(crops_bgr[start : start + _BATCH]))).numpy()
        for start in range(0, len(crops_bgr), _BATCH)
    ]
    return np.concatenate(parts)
