"""Exact rewrites of a network: the same function in operators that run or quantise better."""

import numpy as np
from numpy.typing import NDArray

from models.graph import Array, Attribute, Graph, Node

Float64 = NDArray[np.float64]


def weight_f64(graph: Graph, name: str) -> Float64:
    """A constant as float64, looked up through the Cast that float16 weights stand behind."""
    producer = graph.producer(name)
    if producer is not None and producer.op == "Cast":
        name = producer.inputs[0]
    return graph.arrays[name].astype(np.float64)


def fuse_prelu(graph: Graph) -> int:
    """Turn relu(x) + a · (x − |x|) into one PRelu node with slope 2a; returns how many."""
    fused = 0
    for add in [node for node in graph.nodes if node.op == "Add"]:
        sides = [graph.producer(name) for name in add.inputs]
        relu = next((n for n in sides if n is not None and n.op == "Relu"), None)
        mul = next((n for n in sides if n is not None and n.op == "Mul"), None)
        if relu is None or mul is None:
            continue
        slope = next(name for name in mul.inputs if name in graph.arrays)
        sub = graph.producer(next(name for name in mul.inputs if name != slope))
        absolute = graph.producer(sub.inputs[1]) if sub is not None and sub.op == "Sub" else None
        x = relu.inputs[0]
        if sub is None or absolute is None or sub.inputs[0] != x or absolute.inputs != [x]:
            continue
        doubled = (graph.arrays[slope].astype(np.float64) * 2).astype(np.float32)
        name = graph.constant(f"{add.output}_slope", doubled.reshape(-1, 1, 1))
        position = graph.nodes.index(add)
        graph.nodes[position] = Node("PRelu", [x, name], [add.output])
        fused += 1
    graph.prune()
    return fused


def split_prelu(graph: Graph) -> int:
    """Write each PRelu as a·x + (1 − a)·relu(x), two 1 × 1 depthwise convolutions and an add.

    ONNX Runtime has no fused kernel for PRelu, so it leaves the blocked layout around each one;
    the pair stays in it. Returns how many were rewritten.
    """
    nodes: list[Node] = []
    count = 0
    for node in graph.nodes:
        if node.op != "PRelu":
            nodes.append(node)
            continue
        x, y = node.inputs[0], node.output
        slope = weight_f64(graph, node.inputs[1]).reshape(-1, 1, 1, 1)
        channels = slope.shape[0]
        attributes: dict[str, Attribute] = {"group": channels, "kernel_shape": [1, 1]}
        linear = graph.constant(f"{y}_linear_w", slope.astype(np.float32))
        # Rounded so that the two weights add up to one as float32 does.
        rest = (1 - graph.arrays[linear].astype(np.float64)).astype(np.float32)
        positive = graph.constant(f"{y}_positive_w", rest)
        nodes += [
            Node("Relu", [x], [f"{y}_relu"]),
            Node("Conv", [x, linear], [f"{y}_linear"], dict(attributes)),
            Node("Conv", [f"{y}_relu", positive], [f"{y}_positive"], dict(attributes)),
            Node("Add", [f"{y}_linear", f"{y}_positive"], [y]),
        ]
        count += 1
    graph.nodes = nodes
    graph.prune()
    return count


def flip_signs(graph: Graph) -> int:
    """Bring every PRelu slope into [−1, 1] by turning the sign of channels round; exact.

    prelu(x, a) = −a · prelu(−x, 1/a), so a channel with |a| > 1 takes its convolution's weights
    times −1, the slope 1/a, and the next convolution's weights for it times −a. Returns the
    number of channels turned. Raises ValueError if a PRelu does not stand between convolutions.
    """
    turned = 0
    for node in [n for n in graph.nodes if n.op == "PRelu"]:
        slope = weight_f64(graph, node.inputs[1]).reshape(-1)
        steep = np.abs(slope) > 1
        if not steep.any():
            continue
        safe = np.where(steep, slope, 1.0)
        scale_output(graph, _conv_before(graph, node), np.where(steep, -1.0, 1.0))
        scale_input(graph, graph.sole_consumer(node.output), np.where(steep, -safe, 1.0))
        flipped = np.where(steep, 1 / safe, slope)
        replace(graph, node, 1, flipped.reshape(-1, 1, 1))
        turned += int(steep.sum())
    return turned


def fold_linear_pairs(graph: Graph) -> int:
    """Merge a 1 × 1 convolution that directly follows another one into it; returns how many."""
    folded = 0
    for second in [node for node in graph.nodes if _is_pointwise(graph, node)]:
        first = graph.producer(second.inputs[0])
        if first is None or not _is_pointwise(graph, first):
            continue
        if len(graph.consumers(first.output)) != 1:
            continue
        outer = weight_f64(graph, second.inputs[1])[:, :, 0, 0]
        inner = weight_f64(graph, first.inputs[1])[:, :, 0, 0]
        bias = weight_f64(graph, second.inputs[2]) + outer @ weight_f64(graph, first.inputs[2])
        second.inputs[0] = first.inputs[0]
        replace(graph, second, 1, (outer @ inner)[:, :, None, None])
        replace(graph, second, 2, bias)
        graph.nodes.remove(first)
        folded += 1
    graph.prune()
    return folded


def project_output(graph: Graph, projection: Array) -> None:
    """Fold a projection (channels, dimensions) of the embedding into the last convolution.

    Raises ValueError if the graph does not end in convolution and reshape, or the sizes differ.
    """
    reshape = graph.producer(graph.outputs[0].name)
    last = graph.producer(reshape.inputs[0]) if reshape is not None else None
    if reshape is None or last is None or reshape.op != "Reshape" or last.op != "Conv":
        raise ValueError("the network does not end in a convolution and a reshape")
    matrix = projection.astype(np.float64).T
    weight = weight_f64(graph, last.inputs[1])
    if matrix.shape[1] != weight.shape[0]:
        raise ValueError(f"projection {projection.shape} for {weight.shape[0]} channels")
    replace(graph, last, 1, np.einsum("oi,ikhw->okhw", matrix, weight))
    replace(graph, last, 2, matrix @ weight_f64(graph, last.inputs[2]))
    size = matrix.shape[0]
    shape = graph.constant(f"{reshape.output}_projected_shape", np.array([-1, size], np.int64))
    reshape.inputs[1] = shape
    graph.outputs[0].shape = (size,)
    graph.prune()


def widen_input(graph: Graph, *, columns_each_side: int) -> None:
    """Let the network take a narrower crop and repeat its edge columns inside."""
    port = graph.inputs[0]
    pads = np.array([0, 0, 0, columns_each_side, 0, 0, 0, columns_each_side], np.int64)
    name = graph.constant("edge_columns", pads)
    inner = f"{port.name}_widened"
    for node in graph.nodes:
        node.inputs = [inner if i == port.name else i for i in node.inputs]
    graph.nodes.insert(0, Node("Pad", [port.name, name], [inner], {"mode": "edge"}))
    channels, height, width = port.shape
    port.shape = (channels, height, width - 2 * columns_each_side)


def normalise_output(graph: Graph) -> None:
    """Divide the embedding by its length inside the network."""
    port = graph.outputs[0]
    inner = f"{port.name}_raw"
    graph.rename(port.name, inner)
    port.name = inner.removesuffix("_raw")
    graph.add("LpNormalization", [inner], port.name, {"axis": 1, "p": 2})


def scale_output(graph: Graph, conv: Node, factor: Float64) -> None:
    """Multiply each output channel of a convolution, bias included."""
    replace(graph, conv, 1, weight_f64(graph, conv.inputs[1]) * factor[:, None, None, None])
    if len(conv.inputs) > 2:
        replace(graph, conv, 2, weight_f64(graph, conv.inputs[2]) * factor)


def scale_input(graph: Graph, conv: Node, factor: Float64) -> None:
    """Multiply the weights that each input channel of a convolution meets."""
    weight = weight_f64(graph, conv.inputs[1])
    if conv.attributes.get("group", 1) == 1:
        replace(graph, conv, 1, weight * factor[None, :, None, None])
    elif conv.attributes["group"] == weight.shape[0] == factor.shape[0]:
        replace(graph, conv, 1, weight * factor[:, None, None, None])
    else:
        raise ValueError(f"{conv.output}: grouped convolution that is not depthwise")


def replace(graph: Graph, node: Node, position: int, values: Float64) -> None:
    """Give a node its own float32 copy of a constant input."""
    name = f"{node.output}_{'wbs'[position - 1] if node.op == 'Conv' else 'slope'}"
    graph.arrays[name] = np.ascontiguousarray(values.astype(np.float32))
    node.inputs[position] = name


def _conv_before(graph: Graph, node: Node) -> Node:
    conv = graph.producer(node.inputs[0])
    if conv is None or conv.op != "Conv" or len(graph.consumers(conv.output)) != 1:
        raise ValueError(f"{node.output} does not follow a convolution of its own")
    return conv


def _is_pointwise(graph: Graph, node: Node) -> bool:
    return (
        node.op == "Conv"
        and node.attributes.get("group", 1) == 1
        and weight_f64(graph, node.inputs[1]).shape[2:] == (1, 1)
        and tuple(node.attributes.get("strides", (1, 1))) == (1, 1)  # type: ignore[arg-type]
    )
