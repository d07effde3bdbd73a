"""The export: what it writes, what it refuses, and that nothing is written after a refusal."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

pytest.importorskip("torch", reason="training needs the extra [train] (PyTorch)")

from inference.embed import Embedder
from inference.manifest import read_manifest
from inference.session import open_session
from models import calibration_choice, export, export_files, range_methods
from tests.models.export_kit import HELD_OUT_OF_32, tiny_network, write_shard

NAME = "tiny-native"


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shard(tmp_path_factory.mktemp("data") / "shards")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from models.training.checkpoint import write_weights

    path = tmp_path_factory.mktemp("weights") / "tiny.npz"
    network = tiny_network()
    write_weights(path, network, dict(network.state_dict()))
    return path


@pytest.fixture
def run(
    tmp_path: Path, shards: Path, cache: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., int]:
    """The command on the tiny network; further words are options that come later."""
    methods = range_methods.METHODS[:2]
    monkeypatch.setattr(range_methods, "METHODS", methods)
    monkeypatch.setattr(calibration_choice, "STRENGTHS", (0.5,))

    def command(*words: object, source: Path = weights, crops: Path = shards) -> int:
        arguments = [source, "--name", NAME, "--crops", crops, "--out", tmp_path / "out"]
        arguments += ["--cache", cache, "--threads", 1, "--calibration-crops", 16]
        arguments += ["--held-out-of-32", HELD_OUT_OF_32, *words]
        return export.main([str(word) for word in arguments])

    return command


@pytest.fixture
def written(tmp_path: Path) -> Callable[[], list[str]]:
    def names() -> list[str]:
        return sorted(path.name for path in (tmp_path / "out").glob("*"))

    return names


def test_both_files_come_out_the_kiosk_opens_them_and_a_second_time_gives_the_same_bytes(
    run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 0
    said = capsys.readouterr().out
    assert "max |Δ|" in said
    assert said.count("← chosen") == 1
    assert "no fine-tuning" in said or "fine-tuning for 8 bits" in said
    assert "extrapolated" in said
    manifest = read_manifest(tmp_path / "out")
    assert manifest.networks == (NAME,)
    assert [entry.precision for entry in manifest.entries] == ["fp32", "int8"]
    assert len({entry.model_id for entry in manifest.entries}) == 1
    for entry in manifest.entries:
        embedder = Embedder(open_session(entry, providers=("cpu",), threads=1))
        assert not embedder.mirrored
        assert list(entry.thresholds) == ["1e-3", "1e-4", "1e-5", "1e-6"]
        values = list(entry.thresholds.values())
        assert values == sorted(values)
        model = onnx.load(entry.path)
        onnx.checker.check_model(model, full_check=True)
        metadata = {one.key: one.value for one in model.metadata_props}
        assert metadata["network"] == NAME
        assert metadata["model_id"].endswith(metadata["weights_sha256"][:8])
    first = [path.read_bytes() for path in sorted((tmp_path / "out").iterdir())]
    assert run() == 0, "a second export replaces the first"
    assert [path.read_bytes() for path in sorted((tmp_path / "out").iterdir())] == first


def test_the_model_id_belongs_to_the_weights_and_not_to_their_file() -> None:
    from models.native import exact_graph

    one, same = tiny_network(), tiny_network()
    digest = export_files.weights_digest(exact_graph(one))
    assert digest == export_files.weights_digest(exact_graph(same))
    weight = next(iter(same.parameters()))
    weight.data += 1e-3
    assert digest != export_files.weights_digest(exact_graph(same))


def test_fine_tuning_can_be_forced_and_is_kept_only_if_better(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--tune", "always", "--tune-steps", 2) == 0
    said = capsys.readouterr().out
    assert "fine-tuning for 8 bits: 2 steps" in said
    assert "fine-tuned 2 steps" in said
    assert said.count("← chosen") == 2


def test_a_difference_to_pytorch_beyond_the_tolerance_is_an_error(
    run: Callable[..., int],
    written: Callable[[], list[str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("--tolerance", "1e-12") == 8
    assert "does not compute what PyTorch does" in capsys.readouterr().err
    assert written() == []


def test_a_file_that_is_too_large_is_not_written(
    run: Callable[..., int],
    written: Callable[[], list[str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("--most-mb", "0.01") == 8
    assert "allowed are 0.01" in capsys.readouterr().err
    assert written() == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("missing.npz", None),
        ("text.npz", b"not weights"),
        ("text.pt", b"not weights"),
        ("model.onnx", b"\x08\x08"),
    ],
)
def test_what_is_no_checkpoint_is_refused_by_name(
    run: Callable[..., int],
    written: Callable[[], list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: bytes | None,
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert run(source=tmp_path / name) == 5
    said = capsys.readouterr().err
    assert name in said
    assert "models.train" in said or "checkpoint" in said
    assert written() == []


def test_another_kind_of_network_is_refused(
    run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from models.networks.ir_resnet import IrResNet, IrResNetSettings
    from models.training.checkpoint import write_weights

    network = IrResNet(IrResNetSettings(embedding_size=8, units=(1, 1, 1, 1)))
    path = tmp_path / "large.npz"
    write_weights(path, network, dict(network.state_dict()))
    assert run(source=path) == 5
    assert "not a MobileFaceNet" in capsys.readouterr().err


def test_a_network_of_another_size_is_refused(
    run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from models.networks.mobilefacenet import MobileFaceNet, NetworkSettings
    from models.training.checkpoint import write_weights
    from tests.models.export_kit import TINY_TABLE

    network = MobileFaceNet(
        NetworkSettings(input_hw=(112, 112), table=TINY_TABLE, norm="none", stem_channels=8)
    )
    path = tmp_path / "wide.npz"
    write_weights(path, network, dict(network.state_dict()))
    assert run(source=path) == 5
    assert "112 × 112 → 128-d; a kiosk runs 112 × 96" in capsys.readouterr().err


def test_a_missing_or_empty_crops_folder_is_named(
    run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(crops=tmp_path / "nowhere") == 2
    assert "There is no folder" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert run(crops=tmp_path / "empty") == 2
    assert "holds no .tar shard" in capsys.readouterr().err


def test_too_few_held_out_pairs_are_counted(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--held-out-of-32", "1") == 2
    said = capsys.readouterr().err
    assert "genuine and" in said
    assert "needs 200 and 10000" in said


def test_an_output_that_cannot_be_written_is_found_before_anything_is_computed(
    run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    assert run("--out", tmp_path / "file" / "below") == 8
    said = capsys.readouterr()
    assert "cannot be written" in said.err
    assert said.out == ""


@pytest.mark.parametrize("name", ["", "Upper", "a/b", "-x", "é"])
def test_a_name_that_cannot_be_a_file_name_is_refused(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert run(f"--name={name}") == 2
    assert "is no name for a network" in capsys.readouterr().err


def test_a_network_that_was_not_exported_is_never_replaced(
    weights: Path, shards: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("mobilefacenet", "mobilefacenet-import"):
        arguments = [weights, "--name", name, "--crops", shards]
        assert export.main([str(word) for word in arguments]) == 2
        assert "which is not an export" in capsys.readouterr().err


@pytest.mark.parametrize(("package", "what"), [("torch", "PyTorch"), ("onnx", "onnx")])
def test_a_missing_package_is_named_with_its_extra(
    run: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    package: str,
    what: str,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert run() == 7
    said = capsys.readouterr().err
    assert f"needs {what}, which is not installed" in said
    assert "[train,build]" in said


def test_prelus_and_batch_norms_are_exported_too(
    run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from models.training.checkpoint import write_weights

    network = tiny_network(activation="prelu", norm="batch")
    path = tmp_path / "prelu.npz"
    write_weights(path, network, dict(network.state_dict()))
    assert run("--tune", "always", source=path) == 0
    assert "a network with PReLUs is not fine-tuned" in capsys.readouterr().out


def test_the_int8_file_runs_in_bytes_from_end_to_end() -> None:
    from models.graph import to_bytes
    from models.native import equalised_graph, exact_graph, int8_graph, observe_graph
    from models.parity import left_in_float, operators_as_run
    from tests.models.export_kit import faces

    crops_bgr = np.ascontiguousarray(faces(4)[0][:, :, 8:104])
    graph = equalised_graph(exact_graph(tiny_network()), crops_bgr, strength=0.5, threads=1)
    seen = observe_graph(graph, crops_bgr, threads=1)
    content = to_bytes(int8_graph(graph, {n: range_methods.min_max(s) for n, s in seen.items()}))
    operators = operators_as_run(content)
    assert left_in_float(operators) == {}
    assert operators["QLinearLeakyRelu"] > 0
    assert "LeakyRelu" not in operators
    assert "Relu" not in operators
