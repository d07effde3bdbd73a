"""A small editable network graph that is written as an ONNX file, the same bytes every time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8
PRODUCER = "clockface"

Attribute = int | float | str | Sequence[int] | Sequence[float]
Array = NDArray[np.generic]


@dataclass(slots=True)
class Node:
    """One operator: inputs and outputs are tensor names, weights included."""

    op: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Attribute] = field(default_factory=dict)

    @property
    def output(self) -> str:
        return self.outputs[0]


@dataclass(slots=True)
class Port:
    """A graph input or output: float32, first axis free and called N."""

    name: str
    shape: tuple[int, ...]
    """Without the batch axis."""


@dataclass(slots=True)
class Graph:
    """Nodes in an order that can be run, and the constant arrays they use."""

    name: str
    inputs: list[Port] = field(default_factory=list)
    outputs: list[Port] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    arrays: dict[str, Array] = field(default_factory=dict)

    def add(
        self,
        op: str,
        inputs: Sequence[str],
        output: str,
        attributes: Mapping[str, Attribute] | None = None,
    ) -> str:
        """Append a node with one output and return that output's name."""
        self.nodes.append(Node(op, list(inputs), [output], dict(attributes or {})))
        return output

    def constant(self, name: str, array: Array) -> str:
        """Register a constant array under a name not used so far and return the name."""
        if name in self.arrays:
            raise ValueError(f"the constant {name} exists already")
        self.arrays[name] = np.asarray(array, order="C")
        return name

    def producer(self, tensor: str) -> Node | None:
        """The node that makes a tensor, or None for an input or a constant."""
        return next((node for node in self.nodes if tensor in node.outputs), None)

    def consumers(self, tensor: str) -> list[Node]:
        """Every node that reads a tensor, in order."""
        return [node for node in self.nodes if tensor in node.inputs]

    def sole_consumer(self, tensor: str) -> Node:
        """The one node that reads a tensor. Raises ValueError if there is not exactly one."""
        nodes = self.consumers(tensor)
        if len(nodes) != 1 or any(port.name == tensor for port in self.outputs):
            raise ValueError(f"{tensor} is read {len(nodes)} times, expected once")
        return nodes[0]

    def rename(self, old: str, new: str) -> None:
        """Give a tensor another name wherever it stands."""
        for node in self.nodes:
            node.inputs = [new if name == old else name for name in node.inputs]
            node.outputs = [new if name == old else name for name in node.outputs]
        for port in [*self.inputs, *self.outputs]:
            port.name = new if port.name == old else port.name

    def prune(self) -> None:
        """Drop nodes and constants that no output depends on."""
        needed = {port.name for port in self.outputs}
        kept: list[Node] = []
        for node in reversed(self.nodes):
            if needed.intersection(node.outputs):
                needed.update(node.inputs)
                kept.append(node)
        self.nodes = kept[::-1]
        self.arrays = {name: array for name, array in self.arrays.items() if name in needed}

    def copy(self) -> "Graph":
        """An independent copy; arrays are shared and must be replaced, not written into."""
        return Graph(
            self.name,
            [Port(port.name, port.shape) for port in self.inputs],
            [Port(port.name, port.shape) for port in self.outputs],
            [Node(n.op, list(n.inputs), list(n.outputs), dict(n.attributes)) for n in self.nodes],
            dict(self.arrays),
        )


def to_onnx(graph: Graph, metadata: Mapping[str, str] | None = None) -> onnx.ModelProto:
    """Write the graph as a checked ONNX model with sorted metadata.

    Raises onnx.checker.ValidationError if the graph is not a valid network.
    """
    nodes = []
    for index, node in enumerate(graph.nodes):
        made = helper.make_node(node.op, node.inputs, node.outputs, name=f"{node.op}_{index}")
        made.attribute.extend(
            helper.make_attribute(key, value) for key, value in sorted(node.attributes.items())
        )
        nodes.append(made)
    used = {name for node in graph.nodes for name in node.inputs}
    initialisers = [
        numpy_helper.from_array(array, name)
        for name, array in sorted(graph.arrays.items())
        if name in used
    ]

    def value(port: Port) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(port.name, TensorProto.FLOAT, ["N", *port.shape])

    proto = helper.make_graph(
        nodes,
        graph.name,
        [value(port) for port in graph.inputs],
        [value(port) for port in graph.outputs],
        initialisers,
    )
    model = helper.make_model(
        proto, producer_name=PRODUCER, opset_imports=[helper.make_opsetid("", OPSET)]
    )
    model.ir_version = IR_VERSION
    for key, text in sorted((metadata or {}).items()):
        model.metadata_props.add(key=key, value=text)
    onnx.checker.check_model(model, full_check=True)
    return model


def to_bytes(graph: Graph, metadata: Mapping[str, str] | None = None) -> bytes:
    """The ONNX file of a graph; equal graphs give equal bytes."""
    return bytes(to_onnx(graph, metadata).SerializeToString(deterministic=True))
