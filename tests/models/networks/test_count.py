"""The counts against sums made by hand from the papers' tables, and against a written file."""

import pytest

pytest.importorskip("torch", reason="the networks need the extra [train] (PyTorch)")

import numpy as np
import onnxruntime as ort
import torch
from torch import nn

from models.graph import to_bytes
from models.networks.count import Layer, Totals, layers_of, totals_of
from models.networks.ir_resnet import IrResNet, IrResNetSettings
from models.networks.mobilefacenet import (
    MOBILENET_V2_TABLE,
    PAPER_TABLE,
    SLIM_TABLE,
    MobileFaceNet,
    NetworkSettings,
)
from models.networks.to_graph import to_graph
from models.quantise import Quantiser
from models.summary import Subject, Summary, summarise

Size = tuple[int, int]


def counted(network: str, activation: str, input_hw: Size, *, embedding_size: int = 128) -> Summary:
    return summarise(Subject(network, activation, input_hw, embedding_size))  # type: ignore[arg-type]


def mobile_by_hand(
    table: tuple[tuple[int, int, int, int], ...], input_hw: Size, stem: int
) -> tuple[int, int, int]:
    """Weights, output channels and multiply-adds of all convolutions, from the table alone."""
    side = [(input_hw[0] // 2) * (input_hw[1] // 2)]
    weights = stem * 27 + stem * 9
    channels = stem + stem
    multiply_adds = side[0] * weights
    width = stem
    height_now, width_now = input_hw[0] // 2, input_hw[1] // 2
    for expansion, out, repeats, first_stride in table:
        for repeat in range(repeats):
            wide = width * expansion
            before = height_now * width_now
            if repeat == 0 and first_stride == 2:
                height_now, width_now = height_now // 2, width_now // 2
            after = height_now * width_now
            weights += width * wide + wide * 9 + wide * out
            channels += wide + wide + out
            multiply_adds += before * width * wide + after * wide * (9 + out)
            width = out
    pixels = height_now * width_now
    weights += width * 512 + 512 * pixels + 512 * 128
    channels += 512 + 512 + 128
    multiply_adds += pixels * width * 512 + 512 * pixels + 512 * 128
    return weights, channels, multiply_adds


def ir_by_hand(input_hw: Size, *, embedding_size: int) -> tuple[int, int, int]:
    """Parameters before folding, parameters after it, multiply-adds of the matrices."""
    pixels = input_hw[0] * input_hw[1]
    matrices = 3 * 64 * 9
    norms_folded, norms_kept, slopes = 2 * 64, 0, 64
    biases = 64
    multiply_adds = pixels * matrices
    width = 64
    for count, out in ((3, 64), (4, 128), (14, 256), (3, 512)):
        first = width * out * 9
        other = out * out * 9
        matrices += first + (2 * count - 1) * other + width * out
        multiply_adds += pixels * first + pixels // 4 * ((2 * count - 1) * other + width * out)
        norms_kept += 2 * width + (count - 1) * 2 * out
        norms_folded += 2 * out * (2 * count + 1)
        biases += out * (2 * count + 1)
        slopes += count * out
        pixels //= 4
        width = out
    fully_connected = 512 * pixels * embedding_size
    matrices += fully_connected
    multiply_adds += fully_connected
    norms_folded += 2 * 512 + 2 * embedding_size
    biases += embedding_size
    kept = matrices + norms_kept + slopes
    return kept + norms_folded, kept + biases, multiply_adds


@pytest.mark.parametrize("input_hw", [(112, 96), (112, 112), (64, 48)])
@pytest.mark.parametrize(
    ("network", "table", "stem"),
    [
        ("mobilefacenet", PAPER_TABLE, 64),
        ("mobilefacenet-slim", SLIM_TABLE, 32),
        ("mobilenet-v2", MOBILENET_V2_TABLE, 64),
    ],
)
def test_mobile_networks_have_the_counts_of_their_table(
    network: str, table: tuple[tuple[int, int, int, int], ...], stem: int, input_hw: Size
) -> None:
    weights, channels, multiply_adds = mobile_by_hand(table, input_hw, stem)
    found = counted(network, "relu", input_hw)
    assert found.totals.parameters == weights + 2 * channels
    assert found.totals.statistics == 2 * channels
    assert found.totals.matrix_multiply_adds == multiply_adds
    assert found.totals.fp32_bytes == 4 * (weights + 4 * channels)
    assert found.folded_totals.parameters == weights + channels
    assert found.folded_totals.statistics == 0
    assert found.folded_totals.multiply_adds == multiply_adds
    assert found.folded_totals.int8_bytes == weights + 17 * channels


def test_mobilefacenet_has_the_figures_of_its_paper() -> None:
    """arXiv 1804.07573: 0.99 million parameters and 221 million multiply-adds at 112 × 112."""
    found = counted("mobilefacenet", "prelu", (112, 112))
    assert found.folded_totals.parameters == 993_344
    assert found.totals.matrix_multiply_adds == 220_965_376
    assert 221e6 < found.totals.multiply_adds < 227e6
    ours = counted("mobilefacenet", "relu", (112, 96))
    assert ours.totals.matrix_multiply_adds == 189_408_256
    assert ours.folded_totals.parameters == 982_208


@pytest.mark.parametrize(("input_hw", "embedding_size"), [((112, 96), 128), ((112, 112), 512)])
def test_ir_resnet_50_has_the_counts_of_its_stages(input_hw: Size, embedding_size: int) -> None:
    before, after, multiply_adds = ir_by_hand(input_hw, embedding_size=embedding_size)
    found = counted("ir-resnet-50", "prelu", input_hw, embedding_size=embedding_size)
    assert found.totals.parameters == before
    assert found.folded_totals.parameters == after
    assert found.totals.matrix_multiply_adds == multiply_adds
    assert found.folded_totals.matrix_multiply_adds == multiply_adds


def test_ir_resnet_50_has_its_published_size() -> None:
    """The model zoo of OpenVINO states 43.576 million for LResNet50E-IR (512-d, norms folded)."""
    found = counted("ir-resnet-50", "prelu", (112, 112), embedding_size=512)
    assert found.folded_totals.parameters == pytest.approx(43.576e6, abs=500)
    assert 2 * found.folded_totals.multiply_adds == pytest.approx(12.637e9, rel=1e-3)


def test_the_mobilenet_v2_table_ends_in_the_same_map_and_can_be_written() -> None:
    settings = NetworkSettings(input_hw=(64, 48), table=MOBILENET_V2_TABLE)
    torch.manual_seed(1)
    network = MobileFaceNet(settings).eval()
    assert len(network.bottlenecks()) == 17
    assert sum(block.residual for block in network.bottlenecks()) == 10
    with torch.device("meta"):
        whole = MobileFaceNet(NetworkSettings(table=MOBILENET_V2_TABLE))
    assert whole.head_depthwise.conv.weight.shape == (512, 1, 7, 6)
    crops = torch.randn(2, 3, 64, 48)
    with torch.inference_mode():
        expected = network(crops).numpy()
    session = ort.InferenceSession(to_bytes(to_graph(network)), providers=["CPUExecutionProvider"])
    (found,) = session.run(["embeddings"], {"crops": crops.numpy()})
    assert np.abs(found - expected).max() < 1e-3 * np.abs(expected).max()


def test_the_int8_estimate_is_what_the_quantiser_writes_but_for_the_graph() -> None:
    torch.manual_seed(2)
    network = MobileFaceNet(NetworkSettings(norm="none"))
    graph = to_graph(network)
    ranges = {node.output: (-4.0, 4.0) for node in graph.nodes} | {"crops": (-1.0, 1.0)}
    last = next(node.output for node in reversed(graph.nodes) if node.op == "Conv")
    written = Quantiser(graph, ranges, frozenset({last})).run()
    arrays = sum(array.nbytes for array in written.arrays.values())
    estimate = totals_of(layers_of(network, (112, 96))).int8_bytes
    # Each activation has its step and its zero, the reshape its two numbers: a few hundred bytes.
    assert 0 < arrays - estimate < 1000
    assert 0 < len(to_bytes(written)) - estimate < 100_000


def test_layers_come_in_the_order_of_the_crop_with_their_kinds_and_shapes() -> None:
    network = MobileFaceNet(NetworkSettings(activation="prelu")).train()
    layers = layers_of(network, (112, 96))
    assert network.training
    assert not any(module._forward_hooks for module in network.modules())
    assert layers[0] == Layer("stem.conv", "conv 3×3 /2", (64, 56, 48), 1728, 0, 4_644_864, 2816)
    assert [layer.kind for layer in layers[:6]] == [
        "conv 3×3 /2",
        "batch norm",
        "PReLU",
        "depthwise 3×3",
        "batch norm",
        "PReLU",
    ]
    assert layers[1].statistics == layers[1].parameters == 128
    assert layers[2].multiply_adds == 64 * 56 * 48
    assert layers[-4].name == "head_depthwise.conv"
    assert (layers[-4].kind, layers[-4].output_shape) == ("depthwise 7×6", (512, 1, 1))


def test_the_counts_are_those_of_a_network_with_numbers() -> None:
    settings = IrResNetSettings(input_hw=(32, 16), units=(1, 1, 1, 1))
    network = IrResNet(settings)
    with torch.device("meta"):
        without = IrResNet(settings)
    layers = layers_of(network, (32, 16))
    assert layers == layers_of(without, (32, 16))
    found = totals_of(layers)
    assert found.parameters == sum(p.numel() for p in network.parameters())
    names = [name for name, _ in network.named_buffers() if "running" in name]
    assert found.statistics == sum(network.get_buffer(name).numel() for name in names)


def test_nothing_has_no_totals() -> None:
    assert totals_of(()) == Totals(0, 0, 0, 0, 0, 0)


def test_a_layer_of_an_unknown_kind_is_not_passed_over() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Sigmoid())
    with pytest.raises(ValueError, match="1: Sigmoid cannot be counted"):
        layers_of(network, (8, 8))
