"""Quantisation-aware fine-tuning: the rounding is the file's own, and training makes it better."""

from collections.abc import Mapping

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra [train] (PyTorch)")

import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from models.crops import network_input
from models.errors import BuildError
from models.graph import Graph, to_bytes
from models.native import equalised_graph, exact_graph, int8_graph, observe_graph, torch_embeddings
from models.networks.mobilefacenet import MobileFaceNet
from models.parity import compare, onnx_embeddings
from models.quantise import quantise_weight
from models.quantise_training import (
    Tuning,
    round_tensor,
    round_weight,
    rounded_forward,
    tune,
    with_weights,
)
from models.range_methods import Range, min_max
from tests.models.export_kit import faces, tiny_network

CROPS_BGR = np.ascontiguousarray(faces(8)[0][:, :, 8:104])


def prepared(*, strength: float = 0.5) -> tuple[MobileFaceNet, Graph, Mapping[str, Range]]:
    network = tiny_network()
    graph = equalised_graph(exact_graph(network), CROPS_BGR, strength=strength, threads=1)
    seen = observe_graph(graph, CROPS_BGR, threads=1)
    return network, graph, {name: min_max(one) for name, one in seen.items()}


def test_the_rounded_forward_pass_computes_what_the_8_bit_file_does() -> None:
    network, graph, ranges = prepared()
    content = to_bytes(int8_graph(graph, dict(ranges)))
    theirs = onnx_embeddings(content, CROPS_BGR, threads=1, mirrored=False)
    student = with_weights(network, graph)
    with torch.no_grad():
        ours = rounded_forward(student, torch.from_numpy(network_input(CROPS_BGR)), ranges)
    parity = compare(torch.nn.functional.normalize(ours).numpy(), theirs)
    exact = compare(torch_embeddings(network, CROPS_BGR, threads=1), theirs)
    assert parity.mean_cosine > 0.9995
    assert 1 - parity.mean_cosine < (1 - exact.mean_cosine) / 4


def test_weights_taken_over_from_an_equalised_graph_give_the_same_embeddings() -> None:
    network, graph, _ = prepared()
    ours = torch_embeddings(with_weights(network, graph), CROPS_BGR, threads=1)
    assert compare(ours, torch_embeddings(network, CROPS_BGR, threads=1)).max_difference < 1e-4


def test_fine_tuning_brings_the_rounded_network_nearer_and_leaves_the_teacher() -> None:
    network, graph, ranges = prepared(strength=0.0)
    # Coarse on purpose: so much clipping that there is something to learn.
    ranges = {name: (low * 0.6, high * 0.6) for name, (low, high) in ranges.items()}
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    exact = torch_embeddings(network, CROPS_BGR, threads=1)
    tuning = Tuning(steps=12, threads=1, learning_rate=1e-3)
    tuned = tune(network, graph, ranges, CROPS_BGR, tuning)

    def cosine(one: Graph) -> float:
        content = to_bytes(int8_graph(one, dict(ranges)))
        made = onnx_embeddings(content, CROPS_BGR, threads=1, mirrored=False)
        return compare(made, exact).mean_cosine

    assert cosine(tuned) > cosine(graph)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_a_network_with_prelus_is_refused() -> None:
    network = tiny_network(activation="prelu")
    graph = equalised_graph(exact_graph(network), CROPS_BGR[:2], strength=0.0, threads=1)
    with pytest.raises(BuildError, match="PReLUs cannot be fine-tuned"):
        with_weights(network, graph)


@given(
    values=hnp.arrays(
        np.float64,
        st.sampled_from([(4, 6, 1, 1), (3, 2, 3, 3), (5, 1, 3, 3), (4, 1, 1, 1)]),
        elements=st.floats(-3, 3),
    )
)
def test_weights_are_rounded_as_the_quantiser_rounds_them(
    values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]",
) -> None:
    depthwise = values.shape[1] == 1
    whole, steps = quantise_weight(values, depthwise=depthwise)
    expected = whole * steps.reshape(-1, 1, 1, 1).astype(np.float64)
    found = round_weight(torch.from_numpy(values), depthwise=depthwise).numpy()
    # Where a weight lies half way between two steps, which one is taken may differ.
    step = steps.reshape(-1, 1, 1, 1).astype(np.float64)
    halfway = np.abs(np.abs(values / step) % 1 - 0.5) < 1e-3
    off = np.abs(found - expected)
    assert (off <= np.where(halfway, 1.01, 1e-4) * step + 1e-9).all()


@given(low=st.floats(-5, 0), high=st.floats(0.01, 5))
def test_the_gradient_is_one_inside_the_range_and_nought_outside(low: float, high: float) -> None:
    x = torch.tensor([low - 1.0, (low + high) / 2, high + 1.0], requires_grad=True)
    y = round_tensor(x, (low, high))
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 1.0, 0.0]
    step = (high - low) / 255
    assert abs(y.tolist()[1] - (low + high) / 2) <= step * 0.51 + 1e-6
