"""8 bits for a network of Relu and LeakyRelu: exact scaling, and bytes that end at nought."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.equalise import equalise_activations, equalise_streams
from models.graph import Graph
from models.quantise import Quantiser, Scale, quantised_tensors, saturating_relus
from models.range_methods import Range
from tests.models.test_rewrite import INPUT, bottleneck, relative_difference, run

SLOPES = [0.5] * 6
Float32 = NDArray[np.float32]


def with_activations(first: str, second: str) -> Graph:
    """The two residual blocks with these operators instead of their PReLUs."""
    graph = bottleneck(SLOPES)
    for node in [n for n in graph.nodes if n.op == "PRelu"]:
        node.op = first if "1_y" in node.output else second
        node.inputs = node.inputs[:1]
        node.attributes = {"alpha": -0.6} if node.op == "LeakyRelu" else {}
    graph.prune()
    return graph


def values_of(graph: Graph, name: str) -> Float32:
    if name == graph.inputs[0].name:
        return INPUT
    tapped = graph.copy()
    tapped.outputs[0].name = name
    tapped.outputs[0].shape = (3 if name == "y" else 6, 5, 4)
    tapped.prune()
    return run(tapped, INPUT)


def spans(graph: Graph) -> dict[str, Range]:
    return {
        name: (float(values.min()), float(values.max()))
        for name in quantised_tensors(graph)
        for values in [values_of(graph, name)]
    }


def channel_spans(graph: Graph) -> dict[str, Float32]:
    names = {name for node in graph.nodes for name in (*node.inputs, node.output)}
    found = {}
    for name in names - set(graph.arrays):
        values = values_of(graph, name)
        flat = values.transpose(1, 0, 2, 3).reshape(values.shape[1], -1)
        found[name] = np.stack([flat.min(axis=1), flat.max(axis=1)], axis=1)
    return found


def cosine(left: Float32, right: Float32) -> float:
    return float((left * right).sum() / np.linalg.norm(left) / np.linalg.norm(right))


@pytest.fixture(params=[("Relu", "Relu"), ("Relu", "LeakyRelu"), ("LeakyRelu", "Relu")])
def graph(request: pytest.FixtureRequest) -> Graph:
    return with_activations(*request.param)


@settings(max_examples=8, deadline=None)
@given(strength=st.floats(0.1, 1))
@pytest.mark.parametrize("kinds", [("Relu", "Relu"), ("Relu", "LeakyRelu")])
def test_scaling_the_channels_changes_nothing(kinds: tuple[str, str], strength: float) -> None:
    graph = with_activations(*kinds)
    before, seen = run(graph, INPUT), channel_spans(graph)
    equalise_activations(graph, seen, strength=strength)
    equalise_streams(graph, seen, strength=strength)
    assert relative_difference(before, run(graph, INPUT)) < 1e-4


def test_at_full_strength_what_a_relu_lets_through_reaches_equally_far() -> None:
    graph = with_activations("Relu", "Relu")
    equalise_activations(graph, channel_spans(graph), strength=1.0)
    reach = channel_spans(graph)["a1_y"][:, 1]
    alive = reach[reach > 1e-3 * reach.max()]
    assert alive.max() / alive.min() == pytest.approx(1, rel=1e-3)


def test_the_bytes_stay_close_to_float(graph: Graph) -> None:
    quantised = Quantiser(graph, spans(graph), frozenset({"y"})).run()
    assert cosine(run(graph, INPUT), run(quantised, INPUT)) > 0.995


def test_a_relu_costs_no_operator_and_its_bytes_begin_at_nought(graph: Graph) -> None:
    relus = [n.output for n in graph.nodes if n.op == "Relu"]
    quantised = Quantiser(graph, spans(graph), frozenset({"y"})).run()
    assert not [n for n in quantised.nodes if n.op in ("Relu", "Clip")]
    assert sorted(saturating_relus(graph).values()) == sorted(relus)
    for name in relus:
        assert int(quantised.arrays[f"{name}_zero"]) == 0


def test_a_leaky_relu_stands_between_bytes_so_that_it_can_be_fused(graph: Graph) -> None:
    quantised = Quantiser(graph, spans(graph), frozenset({"y"})).run()
    for node in [n for n in quantised.nodes if n.op == "LeakyRelu"]:
        before = quantised.producer(node.inputs[0])
        assert before is not None
        assert before.op == "DequantizeLinear"
        assert quantised.sole_consumer(node.output).op == "QuantizeLinear"
        assert node.attributes == {"alpha": -0.6}


@pytest.mark.parametrize("read_by", ["another node", "the outside"])
def test_a_relu_is_kept_where_its_input_is_read_elsewhere_too(read_by: str) -> None:
    graph = with_activations("Relu", "Relu")
    everywhere = saturating_relus(graph)
    assert "a1" in everywhere
    if read_by == "another node":
        graph.add("Abs", ["a1"], "elsewhere")
    else:
        graph.outputs.append(type(graph.outputs[0])("a1", (6, 5, 4)))
    assert set(everywhere) - set(saturating_relus(graph)) == {"a1"}


@given(high=st.floats(1e-3, 1e3))
def test_a_range_that_begins_at_nought_uses_every_byte(high: float) -> None:
    scale = Scale.covering(0.0, high)
    assert int(scale.zero) == 0
    assert 255 * float(scale.step) == pytest.approx(high, rel=1e-5)


def test_every_rounded_tensor_needs_a_range() -> None:
    graph = with_activations("Relu", "LeakyRelu")
    whole = spans(graph)
    assert "a2" in whole, "before the LeakyRelu"
    assert "a1" not in whole, "before the Relu there is no rounding"
    missing: Callable[[str], dict[str, Range]] = lambda name: {  # noqa: E731
        key: span for key, span in whole.items() if key != name
    }
    for name in ("a2", "a2_y", "a1_y", "a_sum"):
        with pytest.raises(KeyError, match=name):
            Quantiser(graph, missing(name), frozenset({"y"})).run()
