"""The network, the imported teacher, the fit of one to the other, and the graph written of it."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

pytest.importorskip("torch", reason="training needs the extra [train] (PyTorch)")

import torch
from torch import nn
from torch.nn import functional as nnf

from attendance.errors import ModelError
from models.graph import to_bytes
from models.networks.imported import load_teacher
from models.networks.mobilefacenet import MobileFaceNet, NetworkSettings
from models.networks.to_graph import to_graph
from models.training.reconstruct import ALL_SLOPES, fit_activation, reconstruct
from models.training.teacher import Teacher

WEIGHTS = Path(__file__).resolve().parents[3] / "models" / "weights"
PRELU = WEIGHTS / "mobilefacenet-prelu-fp32.onnx"
SMALL = ((2, 64, 2, 2), (4, 128, 1, 2), (2, 128, 1, 1), (4, 128, 1, 2))


def randomised(network: MobileFaceNet, seed: int) -> MobileFaceNet:
    """Random norms too, so that folding them has something to do."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.3, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator)
            nn.init.normal_(module.bias, 0, 0.3, generator=generator)
    return network.eval()


def test_the_paper_s_network_has_its_kernel_and_its_size() -> None:
    network = MobileFaceNet(NetworkSettings())
    assert network.head_depthwise.conv.weight.shape == (512, 1, 7, 6)
    assert len(network.units()) == 50
    assert NetworkSettings().activation_count == 33
    assert 0.9e6 < sum(p.numel() for p in network.parameters()) < 1.1e6
    assert network(torch.zeros(2, 3, 112, 96)).shape == (2, 128)


@pytest.mark.parametrize("size_hw", [(112, 90), (100, 96), (16, 16)])
def test_an_impossible_input_size_is_refused(size_hw: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="multiples of 16"):
        MobileFaceNet(NetworkSettings(input_hw=size_hw))


def test_the_imported_teacher_gives_the_shipped_network_s_embeddings() -> None:
    teacher = load_teacher(PRELU)
    crops = np.random.default_rng(2).uniform(-1, 1, (2, 3, 112, 96)).astype(np.float32)
    widened = nnf.pad(torch.from_numpy(crops), (8, 8, 0, 0), mode="replicate")
    with torch.inference_mode():
        found = nnf.normalize(teacher(widened)).numpy()
    session = ort.InferenceSession(PRELU.read_bytes(), providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {session.get_inputs()[0].name: crops})
    assert (found * expected).sum(1) == pytest.approx([1, 1], abs=1e-5)


def test_a_file_that_is_another_network_is_no_teacher(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not the imported MobileFaceNet"):
        load_teacher(WEIGHTS / "blazeface-short.onnx")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"\xff\xff")
    with pytest.raises(ModelError, match="cannot be read"):
        load_teacher(broken)
    with pytest.raises(ModelError, match="cannot be read"):
        load_teacher(tmp_path / "missing.onnx")


@pytest.mark.parametrize(
    "settings",
    [
        NetworkSettings(table=SMALL),
        NetworkSettings(table=SMALL, activation="prelu", norm="none"),
        NetworkSettings(
            table=SMALL, activation="leaky-relu", slopes=(0.0, -0.6) + (0.0, 0.2) * 5 + (0.0,)
        ),
    ],
)
def test_the_graph_computes_what_the_network_computes(settings: NetworkSettings) -> None:
    torch.manual_seed(4)
    network = randomised(MobileFaceNet(settings), 5)
    crops = torch.randn(2, 3, 112, 96)
    with torch.inference_mode():
        expected, features = network.with_taps(crops, (1, 4))
    session = ort.InferenceSession(
        to_bytes(to_graph(network, taps=(1, 4))), providers=["CPUExecutionProvider"]
    )
    found = session.run(["embeddings", "tap_1", "tap_4"], {"crops": crops.numpy()})
    for ours, theirs in zip(found, (expected, features[1], features[4]), strict=True):
        assert np.abs(ours - theirs.numpy()).max() < 1e-3 * float(theirs.abs().max())


def test_the_number_of_slopes_must_fit() -> None:
    with pytest.raises(ValueError, match="3 slopes, expected 33"):
        MobileFaceNet(NetworkSettings(activation="leaky-relu", slopes=(0.0, 0.1, 0.2)))


def test_a_fit_to_a_network_of_the_same_kind_is_exact_but_for_the_missing_columns() -> None:
    torch.manual_seed(6)
    settings = NetworkSettings(table=SMALL, norm="none", input_hw=(112, 112))
    teacher = MobileFaceNet(settings).eval()
    student = MobileFaceNet(NetworkSettings(table=SMALL, norm="none")).eval()
    crops = nnf.interpolate(torch.randn(56, 3, 14, 14), (112, 112), mode="bilinear")
    taken = reconstruct(student, teacher, crops[:40], head_crops=crops[:40], slopes=[(0.0,)] * 13)
    assert taken == (0.0,) * 13
    with torch.inference_mode():
        ours, theirs = student(crops[40:, :, :, 8:104]), teacher(crops[40:])
        untrained = MobileFaceNet(NetworkSettings(table=SMALL, norm="none")).eval()
        nothing = nnf.cosine_similarity(untrained(crops[40:, :, :, 8:104]), theirs).mean()
    found = float(nnf.cosine_similarity(ours, theirs).mean())
    assert found > 0.9 > float(nothing) + 0.2


def test_an_activation_that_can_be_followed_is_followed_exactly() -> None:
    z = torch.randn(3, 4000, generator=torch.Generator().manual_seed(8))
    slope = torch.tensor([[-0.6], [-1 / 0.6], [-0.6]])
    target = torch.where(z >= 0, z, slope * z) * torch.tensor([[2.0], [1.0], [-3.0]]) + 5
    fit = fit_activation(z, target, slopes=ALL_SLOPES)
    assert fit.slope == -0.6
    followed = nnf.leaky_relu(
        (fit.sign[:, None] * z - fit.threshold[:, None]) / fit.scale[:, None], fit.slope
    )
    found = fit.gain[:, None] * followed + fit.offset[:, None]
    assert torch.allclose(found, target, atol=1e-2)
    assert followed.std(1).tolist() == pytest.approx([1, 1, 1], rel=1e-3)


def test_the_teacher_adds_the_mirrored_crop_s_embedding() -> None:
    torch.manual_seed(9)
    network = MobileFaceNet(
        NetworkSettings(input_hw=(112, 112), table=SMALL, activation="prelu", norm="none")
    ).eval()
    inputs = np.random.default_rng(1).uniform(-1, 1, (3, 3, 112, 112)).astype(np.float32)
    teacher = Teacher(network, taps=(0,), mirrored=True, threads=1)
    targets = teacher.targets(inputs)
    again = teacher.targets(np.ascontiguousarray(inputs[..., ::-1]))
    assert np.allclose(targets.embeddings, again.embeddings, atol=1e-5)
    assert np.allclose((targets.embeddings**2).sum(1), 1, atol=1e-5)
    assert targets.features[0].shape == (3, 64, 28, 28)
