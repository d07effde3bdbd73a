"""The rewrites that must not change what a network computes."""

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.equalise import equalise_activations, equalise_streams, streams
from models.graph import Attribute, Graph, Port, to_bytes
from models.quantise import split_form
from models.rewrite import (
    flip_signs,
    fold_linear_pairs,
    fuse_prelu,
    normalise_output,
    project_output,
    split_prelu,
    weight_f64,
    widen_input,
)

CHANNELS = 6
Floats = NDArray[np.float32]


def run(graph: Graph, values: Floats) -> Floats:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(to_bytes(graph), options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {graph.inputs[0].name: values})[0], np.float32)


def add_conv(
    graph: Graph,
    x: str,
    output: str,
    *,
    rng: np.random.Generator,
    shape: tuple[int, ...],
    group: int = 1,
) -> str:
    weight = graph.constant(f"{output}_w0", rng.normal(size=shape).astype(np.float32))
    bias = graph.constant(f"{output}_b0", rng.normal(size=shape[0]).astype(np.float32))
    pad = shape[2] // 2
    attributes: dict[str, Attribute] = {
        "group": group,
        "pads": [pad] * 4,
        "kernel_shape": list(shape[2:]),
    }
    return graph.add("Conv", [x, weight, bias], output, attributes)


def bottleneck(slopes: list[float], *, seed: int = 0) -> Graph:
    """Two residual blocks: 1 × 1, PRelu, 3 × 3 depthwise, PRelu, 1 × 1, addition; then a head."""
    rng = np.random.default_rng(seed)
    graph = Graph("bottleneck", [Port("x", (CHANNELS, 5, 4))], [Port("y", (3, 5, 4))])
    stream = add_conv(graph, "x", "stem", rng=rng, shape=(CHANNELS, CHANNELS, 1, 1))
    for block in ("a", "b"):
        x = add_conv(graph, stream, f"{block}1", rng=rng, shape=(CHANNELS, CHANNELS, 1, 1))
        slope = np.array(slopes, np.float32).reshape(-1, 1, 1)
        name = graph.constant(f"{block}1_s0", slope)
        x = graph.add("PRelu", [x, name], f"{block}1_y")
        x = add_conv(graph, x, f"{block}2", rng=rng, shape=(CHANNELS, 1, 3, 3), group=CHANNELS)
        name = graph.constant(f"{block}2_s0", slope[::-1].copy())
        x = graph.add("PRelu", [x, name], f"{block}2_y")
        x = add_conv(graph, x, f"{block}3", rng=rng, shape=(CHANNELS, CHANNELS, 1, 1))
        stream = graph.add("Add", [stream, x], f"{block}_sum")
    add_conv(graph, stream, "y", rng=rng, shape=(3, CHANNELS, 1, 1))
    return graph


def relative_difference(left: Floats, right: Floats) -> float:
    return float(np.abs(left - right).max() / np.abs(left).max())


INPUT = np.random.default_rng(7).normal(size=(2, CHANNELS, 5, 4)).astype(np.float32)
# A slope beside zero only needs a large float32 factor; the shipped ones lie beyond 0.01.
SLOPES = st.lists(
    st.floats(-8, 8, width=32).filter(lambda a: abs(a) > 0.01), min_size=CHANNELS, max_size=CHANNELS
)


@settings(max_examples=20, deadline=None)
@given(slopes=SLOPES)
def test_turned_signs_bring_every_slope_into_one_and_change_nothing(slopes: list[float]) -> None:
    graph = bottleneck(slopes)
    before = run(graph, INPUT)
    turned = flip_signs(graph)
    assert turned == 4 * sum(abs(slope) > 1 for slope in slopes)
    for node in graph.nodes:
        if node.op == "PRelu":
            assert np.abs(graph.arrays[node.inputs[1]]).max() <= 1
    assert relative_difference(before, run(graph, INPUT)) < 1e-4


@settings(max_examples=20, deadline=None)
@given(slopes=SLOPES)
def test_a_prelu_written_as_depthwise_pair_or_inside_the_convolution_is_the_same(
    slopes: list[float],
) -> None:
    graph = bottleneck(slopes)
    before = run(graph, INPUT)
    pairs = graph.copy()
    assert split_prelu(pairs) == 4
    split = split_form(graph)
    for rewritten in (pairs, split):
        assert all(node.op != "PRelu" for node in rewritten.nodes)
        assert relative_difference(before, run(rewritten, INPUT)) < 1e-4


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_equalised_channels_change_nothing_and_reach_alike(strength: float) -> None:
    graph = bottleneck([0.9, -0.5, 0.2, 1.0, 0.1, -1.0])
    before = run(graph, INPUT)
    rng = np.random.default_rng(3)
    names = [node.inputs[0] for node in graph.nodes if node.op == "PRelu"]
    names += sorted(name for group in streams(graph) for name in group)
    reach = {name: rng.uniform(0.1, 50, (CHANNELS, 1)).astype(np.float32) for name in names}
    ranges = {name: np.concatenate([-wide, 2 * wide], axis=1) for name, wide in reach.items()}
    equalise_activations(graph, ranges, strength=strength)
    equalise_streams(graph, ranges, strength=strength)
    assert relative_difference(before, run(graph, INPUT)) < 1e-4


def test_the_stream_through_two_additions_is_one_group() -> None:
    graph = bottleneck([0.5] * CHANNELS)
    assert streams(graph) == [{"stem", "a3", "a_sum", "b3", "b_sum"}]


def test_a_spelled_out_prelu_becomes_one_node_with_the_doubled_slope() -> None:
    graph = Graph("spelled", [Port("x", (2, 1, 1))], [Port("y", (2, 1, 1))])
    slope = graph.constant("slope", np.array([0.1, -0.3], np.float32).reshape(-1, 1, 1))
    graph.add("Relu", ["x"], "positive")
    graph.add("Abs", ["x"], "size")
    graph.add("Sub", ["x", "size"], "negative")
    graph.add("Mul", [slope, "negative"], "scaled")
    graph.add("Add", ["positive", "scaled"], "y")
    values = np.array([[-2.0, -2.0], [3.0, 3.0]], np.float32).reshape(2, 2, 1, 1)
    before = run(graph, values)
    assert fuse_prelu(graph) == 1
    assert [node.op for node in graph.nodes] == ["PRelu"]
    np.testing.assert_allclose(weight_f64(graph, graph.nodes[0].inputs[1]).ravel(), [0.2, -0.6])
    np.testing.assert_allclose(run(graph, values), before, rtol=1e-6)


def test_two_linear_convolutions_fold_into_one() -> None:
    rng = np.random.default_rng(1)
    graph = Graph("linear", [Port("x", (3, 2, 2))], [Port("y", (5, 2, 2))])
    add_conv(graph, "x", "between", rng=rng, shape=(4, 3, 1, 1))
    add_conv(graph, "between", "y", rng=rng, shape=(5, 4, 1, 1))
    values = rng.normal(size=(1, 3, 2, 2)).astype(np.float32)
    before = run(graph, values)
    assert fold_linear_pairs(graph) == 1
    assert len(graph.nodes) == 1
    np.testing.assert_allclose(run(graph, values), before, rtol=1e-4, atol=1e-5)


def head(channels: int) -> Graph:
    rng = np.random.default_rng(2)
    graph = Graph("head", [Port("x", (3, 1, 1))], [Port("e", (channels,))])
    add_conv(graph, "x", "last", rng=rng, shape=(channels, 3, 1, 1))
    graph.constant("shape", np.array([-1, channels], np.int64))
    graph.add("Reshape", ["last", "shape"], "e")
    return graph


def test_a_projection_in_the_last_convolution_is_the_projected_embedding() -> None:
    graph = head(6)
    projection = np.random.default_rng(5).normal(size=(6, 4)).astype(np.float32)
    values = np.ones((2, 3, 1, 1), np.float32)
    before = run(graph, values)
    project_output(graph, projection)
    np.testing.assert_allclose(run(graph, values), before @ projection, rtol=1e-4, atol=1e-5)


def test_a_projection_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="channels"):
        project_output(head(6), np.ones((5, 4), np.float32))


def test_a_normalised_embedding_has_unit_length_and_the_same_direction() -> None:
    graph = head(6)
    values = np.ones((1, 3, 1, 1), np.float32)
    before = run(graph, values)[0]
    normalise_output(graph)
    assert graph.outputs[0].name == "e"
    np.testing.assert_allclose(run(graph, values)[0], before / np.linalg.norm(before), rtol=1e-5)


def test_a_widened_input_repeats_its_edge_columns() -> None:
    graph = Graph("wide", [Port("x", (1, 1, 8))], [Port("y", (1, 1, 8))])
    graph.add("Relu", ["x"], "y")
    widen_input(graph, columns_each_side=2)
    assert graph.inputs[0].shape == (1, 1, 4)
    values = np.array([1, 2, 3, 4], np.float32).reshape(1, 1, 1, 4)
    assert run(graph, values).ravel().tolist() == [1, 1, 1, 2, 3, 4, 4, 4]


def test_signs_are_not_turned_where_the_prelu_feeds_two_convolutions() -> None:
    graph = bottleneck([2.0] * CHANNELS)
    rng = np.random.default_rng(9)
    add_conv(graph, "a1_y", "second", rng=rng, shape=(3, CHANNELS, 1, 1))
    with pytest.raises(ValueError, match="read 2 times"):
        flip_signs(graph)
