"""Exact rescaling of channels, so that one 8-bit scale serves every channel of a tensor.

PRelu, LeakyRelu and Relu are positively homogeneous and the residual stream between the blocks is
linear, so all can carry any positive scale per channel, the stream also any offset, if the
convolutions around them undo it. Nagel et al. 2019, "Data-free quantization through weight
equalization and bias correction", does the same for ReLU.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models.graph import Graph, Node
from models.rewrite import replace, scale_input, scale_output, weight_f64

ChannelRanges = Mapping[str, NDArray[np.float32]]
"""Tensor name to (channels, 2): what each channel usually reaches, low and high."""
HOMOGENEOUS = ("PRelu", "LeakyRelu", "Relu")


def streams(graph: Graph) -> list[set[str]]:
    """The groups of tensors that additions tie together: convolution outputs and their sums."""
    groups: list[set[str]] = []
    for node in [n for n in graph.nodes if n.op == "Add"]:
        tied = {*node.inputs, node.output}
        for group in [g for g in groups if g & tied]:
            tied |= group
            groups.remove(group)
        groups.append(tied)
    return groups


def equalise_activations(graph: Graph, ranges: ChannelRanges, *, strength: float) -> None:
    """Scale the channels before each activation towards equal reach; strength 1 makes them equal.

    Of a Relu only the positive side counts.
    """
    for node in [n for n in graph.nodes if n.op in HOMOGENEOUS]:
        conv = graph.producer(node.inputs[0])
        if conv is None:
            raise ValueError(f"{node.inputs[0]} is not computed")
        reach = np.abs(ranges[conv.output]).max(axis=1)
        if node.op == "Relu":
            reach = np.maximum(ranges[conv.output][:, 1], 0)
        factor = _factors(reach, strength)
        scale_output(graph, conv, 1 / factor)
        scale_input(graph, graph.sole_consumer(node.output), factor)


def equalise_streams(graph: Graph, ranges: ChannelRanges, *, strength: float) -> None:
    """Centre the channels of each residual stream on zero and scale them towards equal reach."""
    for group in streams(graph):
        convs = [n for n in graph.nodes if n.op == "Conv" and n.output in group]
        readers = [n for n in graph.nodes if n.op == "Conv" and group.intersection(n.inputs)]
        reach = np.max([np.ptp(ranges[name], axis=1) for name in sorted(group)], axis=0) / 2
        factor = _factors(reach, strength)
        offset = {name: np.zeros(len(factor)) for name in group}
        for node in graph.nodes:
            if node in convs:
                offset[node.output] = ranges[node.output].mean(axis=1, dtype=np.float64)
            elif node.op == "Add" and node.output in group:
                offset[node.output] = offset[node.inputs[0]] + offset[node.inputs[1]]
        for conv in convs:
            _add_bias(graph, conv, -offset[conv.output])
            scale_output(graph, conv, 1 / factor)
        for conv in readers:
            weight = weight_f64(graph, conv.inputs[1])
            if weight.shape[2:] != (1, 1) or conv.attributes.get("group", 1) != 1:
                raise ValueError(f"{conv.output}: an offset needs a plain 1 × 1 convolution")
            _add_bias(graph, conv, weight[:, :, 0, 0] @ offset[conv.inputs[0]])
            scale_input(graph, conv, factor)


def _factors(reach: NDArray[np.floating], strength: float) -> NDArray[np.float64]:
    """Scale per channel, 1 for the largest; a dead channel counts as a thousandth of it."""
    relative = reach.astype(np.float64) / max(float(reach.max()), 1e-12)
    return np.asarray(np.maximum(relative, 1e-3) ** strength)


def _add_bias(graph: Graph, conv: Node, amount: NDArray[np.float64]) -> None:
    replace(graph, conv, 2, weight_f64(graph, conv.inputs[2]) + amount)
