"""Write a network of PRelu convolutions as a static 8-bit ONNX graph (QDQ, per channel).

Activations are uint8 with one scale a tensor, weights int8 with one scale an output channel and
no zero point. Older processors add two products in 16 bits that saturate (VPMADDUBSW), newer ones
do not (VNNI): so weights are kept small enough that no two of them can overflow, and every
processor computes the same embedding.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.graph import Attribute, Graph, Node
from models.rewrite import weight_f64

PAIR_LIMIT = 128
"""255 · 128 is the largest sum of two products that 16 bits hold."""
_ROUNDED = ("Conv", "Add", "LeakyRelu")


@dataclass(frozen=True, slots=True)
class Scale:
    """How float32 becomes uint8: q = round(x / step) + zero."""

    step: np.float32
    zero: np.uint8

    @classmethod
    def covering(cls, low: float, high: float) -> "Scale":
        """The scale whose 256 values cover [low, high] and hold zero exactly."""
        low, high = min(low, 0.0), max(high, 0.0)
        step = np.float32(max((high - low) / 255, 1e-8))
        return cls(step, np.uint8(np.clip(round(-low / float(step)), 0, 255)))


def split_form(graph: Graph) -> Graph:
    """The same network with each PRelu moved into the convolution after it.

    W · prelu(x) = Wₐ · x + W₁₋ₐ · relu(x): a 1 × 1 convolution reads both side by side, so in
    8 bits the PRelu costs no rounding at all; a depthwise one becomes two and an addition.
    """
    result = graph.copy()
    nodes: list[Node] = []
    prelus = {n.output: n for n in graph.nodes if n.op == "PRelu"}
    for node in result.nodes:
        if node.op == "PRelu":
            nodes.append(Node("Relu", [node.inputs[0]], [f"{node.output}_relu"]))
            continue
        prelu = prelus.get(node.inputs[0]) if node.op == "Conv" else None
        if prelu is None:
            nodes.append(node)
            continue
        x, relu, y = prelu.inputs[0], f"{prelu.output}_relu", node.output
        slope = weight_f64(graph, prelu.inputs[1]).reshape(-1)
        weight = weight_f64(graph, node.inputs[1])
        pointwise = node.attributes.get("group", 1) == 1
        shape = (1, -1, 1, 1) if pointwise else (-1, 1, 1, 1)
        linear = (weight * slope.reshape(shape)).astype(np.float32)
        positive = (weight * (1 - slope).reshape(shape)).astype(np.float32)
        bias = node.inputs[2]
        if pointwise:
            both = result.constant(f"{y}_both_w", np.concatenate([linear, positive], axis=1))
            nodes.append(Node("Concat", [x, relu], [f"{y}_both"], {"axis": 1}))
            nodes.append(Node("Conv", [f"{y}_both", both, bias], [y], dict(node.attributes)))
        else:
            first = result.constant(f"{y}_linear_w", linear)
            second = result.constant(f"{y}_positive_w", positive)
            attributes: dict[str, Attribute] = dict(node.attributes)
            nodes += [
                Node("Conv", [x, first, bias], [f"{y}_linear"], dict(attributes)),
                Node("Conv", [relu, second], [f"{y}_positive"], dict(attributes)),
                Node("Add", [f"{y}_linear", f"{y}_positive"], [y]),
            ]
    result.nodes = nodes
    result.prune()
    return result


def quantised_tensors(graph: Graph) -> list[str]:
    """The tensors that need a range: what feeds a convolution or addition, and what comes out."""
    names: dict[str, None] = {}
    for node in graph.nodes:
        if node.op in _ROUNDED:
            names.update(dict.fromkeys(n for n in node.inputs if n not in graph.arrays))
            names[node.output] = None
    for node in graph.nodes:
        if node.op in ("Relu", "Concat"):
            names.pop(node.output, None)
    for conv, relu in saturating_relus(graph).items():
        names.pop(conv, None)
        names[relu] = None
    return list(names)


def saturating_relus(graph: Graph) -> dict[str, str]:
    """Convolution output to Relu output, where nothing but the Relu reads the convolution.

    Such a Relu needs no operator of its own: bytes whose zero stands for 0.0 end there.
    """
    ported = {port.name for port in graph.outputs}
    found = {}
    for node in [n for n in graph.nodes if n.op == "Relu"]:
        conv = graph.producer(node.inputs[0])
        if conv is None or conv.op != "Conv" or conv.output in ported:
            continue
        if len(graph.consumers(conv.output)) == 1:
            found[conv.output] = node.output
    return found


@dataclass(slots=True)
class Quantiser:
    """Rewrites a graph of Conv, Relu, LeakyRelu, Concat and Add (split form) in QDQ form.

    ranges: tensor name to (low, high). float_outputs: convolutions whose results stay float32.
    """

    graph: Graph
    ranges: Mapping[str, tuple[float, float]]
    float_outputs: frozenset[str] = frozenset()
    _out: Graph = field(init=False)
    _scales: dict[str, Scale] = field(init=False, default_factory=dict)
    _bytes: dict[str, str] = field(init=False, default_factory=dict)
    _relus: dict[str, str] = field(init=False, default_factory=dict)

    def run(self) -> Graph:
        """The quantised graph. Raises KeyError for a tensor without a range."""
        source = self.graph
        self._out = Graph(source.name, source.inputs, source.outputs)
        self._relus = saturating_relus(source)
        for node in source.nodes:
            if node.op == "Conv":
                self._conv(node)
            elif node.op == "Relu":
                self._relu(node)
            elif node.op == "Concat":
                self._concat(node)
            elif node.op in ("Add", "LeakyRelu"):
                inputs = [self._dequantised(name) for name in node.inputs]
                made = self._out.add(node.op, inputs, f"{node.output}_f", node.attributes)
                self._quantised(made, node.output)
            else:
                for name in node.inputs:
                    if name in source.arrays:
                        self._out.arrays[name] = source.arrays[name]
                inputs = [
                    self._dequantised(name) if name in self._bytes else name for name in node.inputs
                ]
                self._out.add(node.op, inputs, node.output, node.attributes)
        self._out.prune()
        return self._out

    def _quantised(self, float_name: str, name: str) -> None:
        scale = Scale.covering(*self.ranges[name])
        step = self._out.constant(f"{name}_step", np.asarray(scale.step))
        zero = self._out.constant(f"{name}_zero", np.asarray(scale.zero))
        self._bytes[name] = self._out.add("QuantizeLinear", [float_name, step, zero], f"{name}_u8")
        self._scales[name] = scale

    def _dequantised(self, name: str) -> str:
        if name not in self._bytes:
            self._quantised(name, name)
        result = f"{name}_dq{sum(1 for n in self._out.nodes if n.inputs[0] == self._bytes[name])}"
        origin = self._bytes[name]
        key = self._origin(name)
        return self._out.add("DequantizeLinear", [origin, f"{key}_step", f"{key}_zero"], result)

    def _origin(self, name: str) -> str:
        """The tensor whose scale this one shares: relu and concatenation keep the bytes' scale."""
        node = self.graph.producer(name)
        while node is not None and node.op in ("Relu", "Concat"):
            if name in self._scales:
                break
            name = node.inputs[0]
            node = self.graph.producer(name)
        return name

    def _relu(self, node: Node) -> None:
        """max(q, zero) on bytes: exact, because zero stands for 0.0."""
        if node.output in self._bytes:
            return
        key = self._origin(node.inputs[0])
        self._bytes[node.output] = self._out.add(
            "Clip", [self._bytes[node.inputs[0]], f"{key}_zero"], f"{node.output}_u8"
        )

    def _concat(self, node: Node) -> None:
        inputs = [self._bytes[name] for name in node.inputs]
        self._bytes[node.output] = self._out.add(
            "Concat", inputs, f"{node.output}_u8", node.attributes
        )

    def _conv(self, node: Node) -> None:
        x = self._dequantised(node.inputs[0])
        step_in = float(self._scales[self._origin(node.inputs[0])].step)
        weight, steps = quantise_weight(
            weight_f64(self.graph, node.inputs[1]),
            depthwise=node.attributes.get("group", 1) != 1,
        )
        name = node.output
        inputs = [x, self._constant_dq(f"{name}_w", weight, steps)]
        if len(node.inputs) > 2:
            bias_step = steps.astype(np.float64) * step_in
            bias = np.round(weight_f64(self.graph, node.inputs[2]) / bias_step)
            inputs.append(
                self._constant_dq(f"{name}_b", bias.astype(np.int32), bias_step.astype(np.float32))
            )
        if name in self.float_outputs:
            self._out.add("Conv", inputs, name, node.attributes)
            return
        made = self._out.add("Conv", inputs, f"{name}_f", node.attributes)
        self._quantised(made, self._relus.get(name, name))

    def _constant_dq(
        self, name: str, values: NDArray[np.generic], steps: NDArray[np.float32]
    ) -> str:
        zero = self._out.constant(f"{name}_zero", np.zeros(len(steps), values.dtype))
        inputs = [
            self._out.constant(name, values),
            self._out.constant(f"{name}_step", steps),
            zero,
        ]
        return self._out.add("DequantizeLinear", inputs, f"{name}_dq", {"axis": 0})


def quantise_weight(
    weight: NDArray[np.float64], *, depthwise: bool
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """int8 weights and the step of each output channel: step · weight is close to the original.

    Unless the convolution is depthwise (those kernels multiply in 16 bits and add in 32), no two
    weights that may be multiplied together add up to more than PAIR_LIMIT: neighbours in a 1 × 1
    kernel, any two in a larger one, because its order depends on the runtime.
    """
    rows = weight.reshape(len(weight), -1)
    step = np.abs(rows).max(axis=1) / 127
    if not depthwise and rows.shape[1] > 1:
        step = np.maximum(step, _largest_pair(rows, weight.shape[2:]) / (PAIR_LIMIT - 1))
    steps = np.maximum(step, 1e-12).astype(np.float32)
    values = np.clip(np.round(rows / steps[:, None].astype(np.float64)), -127, 127)
    return values.astype(np.int8).reshape(weight.shape), steps


def _largest_pair(rows: NDArray[np.float64], kernel_hw: tuple[int, ...]) -> NDArray[np.float64]:
    """For each row the largest sum of two weights of one sign that may meet in one instruction."""
    if kernel_hw == (1, 1):
        left, right = rows[:, :-1], rows[:, 1:]
        same = np.sign(left) == np.sign(right)
        return np.asarray(np.where(same, np.abs(left + right), 0).max(axis=1))
    ordered = np.sort(rows, axis=1)
    return np.maximum(ordered[:, -1] + ordered[:, -2], -(ordered[:, 0] + ordered[:, 1]))
