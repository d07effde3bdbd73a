"""Model files: the manifest, the hash, the metadata contract, and the provider that runs."""

import hashlib
import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from attendance.errors import ModelError
from inference.manifest import ModelEntry, default_weights_dir, read_manifest
from inference.session import InputContract, open_session

DETECTOR = "blazeface-short.onnx"


def _entry() -> ModelEntry:
    return read_manifest().entry("detect", file=DETECTOR)


@pytest.fixture
def altered(tmp_path: Path) -> Callable[[Mapping[str, str | None]], ModelEntry]:
    """A copy of the detector with other metadata and the right hash."""

    def make(changes: Mapping[str, str | None]) -> ModelEntry:
        model = onnx.load(_entry().path)
        metadata = {prop.key: prop.value for prop in model.metadata_props} | dict(changes)
        onnx.helper.set_model_props(model, {k: v for k, v in metadata.items() if v is not None})
        path = tmp_path / DETECTOR
        path.write_bytes(model.SerializeToString())
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return replace(_entry(), path=path, sha256=digest)

    return make


def test_every_file_of_the_manifest_opens_and_keeps_its_contract() -> None:
    manifest = read_manifest()
    assert {entry.role for entry in manifest.entries} == {"detect", "landmarks", "embed"}
    for entry in manifest.entries:
        session = open_session(entry, providers=("cpu",), threads=1)
        assert session.provider == "cpu"
        assert session.fallbacks == ()
        height, width = session.contract.size_hw
        outputs = session.run(np.zeros((2, 3, height, width), np.float32))
        assert all(len(output) == 2 for output in outputs)
        assert entry.path.stat().st_size == entry.bytes


def test_the_manifest_names_what_it_has_when_something_else_is_asked_for() -> None:
    with pytest.raises(ModelError, match=r"«embed fp64».*blazeface-short\.onnx"):
        read_manifest().entry("embed", precision="fp64")


def test_a_folder_without_a_manifest_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no manifest\.toml"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("format = [", "not valid TOML"),
        ("format = 2", "format 2"),
        ("format = 1\nmodel = 3", "no list of models"),
        ('format = 1\n[[model]]\nfile = "a.onnx"', "incomplete model entry"),
        (
            (
                'format = 1\n[[model]]\nfile = "../a.onnx"\nmodel_id = "a"\nrole = "detect"\n'
                'precision = "fp32"\nsha256 = "00"\nbytes = 1'
            ),
            r"\.\./a\.onnx",
        ),
    ],
)
def test_a_broken_manifest_is_reported(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "manifest.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=sentence):
        read_manifest(tmp_path)


def test_thresholds_and_figures_come_with_the_entry(tmp_path: Path) -> None:
    (tmp_path / "manifest.toml").write_text(
        'format = 1\n[[model]]\nfile = "a.onnx"\nmodel_id = "a"\nrole = "embed"\n'
        'precision = "int8"\nsha256 = "AB"\nbytes = 1\n'
        '[model.thresholds]\n"1e-3" = 0.3\n"1e-4" = 0.4\n[model.figures]\nlfw_accuracy = 0.99\n',
        encoding="utf-8",
    )
    entry = read_manifest(tmp_path).entry("embed", precision="int8")
    assert dict(entry.thresholds) == {"1e-3": 0.3, "1e-4": 0.4}
    assert entry.figures["lfw_accuracy"] == 0.99
    assert entry.sha256 == "ab"
    assert entry.path == tmp_path / "a.onnx"


def test_a_missing_model_file_is_named(tmp_path: Path) -> None:
    entry = replace(_entry(), path=tmp_path / DETECTOR)
    with pytest.raises(ModelError, match=r"blazeface-short\.onnx is missing") as caught:
        open_session(entry, providers=("cpu",), threads=1)
    assert caught.value.action


def test_one_changed_byte_is_noticed(tmp_path: Path) -> None:
    copy = tmp_path / DETECTOR
    shutil.copyfile(_entry().path, copy)
    data = bytearray(copy.read_bytes())
    data[len(data) // 2] ^= 1
    copy.write_bytes(data)
    with pytest.raises(ModelError, match="altered or is damaged"):
        open_session(replace(_entry(), path=copy), providers=("cpu",), threads=1)


def test_a_file_that_is_no_model_is_reported(tmp_path: Path) -> None:
    path = tmp_path / DETECTOR
    path.write_bytes(b"this is no network")
    entry = replace(_entry(), path=path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(ModelError, match="cannot be loaded"):
        open_session(entry, providers=("cpu",), threads=1)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model_id": "another"}, "model_id is «another» in the file"),
        ({"precision": "int8"}, "precision is «int8» in the file"),
        ({"anchors": None}, "«anchors» is missing"),
        ({"mean": None}, "«mean» is missing"),
        ({"colour_order": "YUV"}, "colour_order is «YUV»"),
        ({"input_size_hw": "128"}, "does not keep the metadata contract"),
        ({"input_size_hw": "128,96"}, "its input has the shape"),
        ({"scale": "nan"}, "not usable numbers"),
        ({"scale": "much"}, "does not keep the metadata contract"),
    ],
)
def test_a_file_that_breaks_the_contract_is_refused(
    altered: Callable[[Mapping[str, str | None]], ModelEntry],
    changes: Mapping[str, str | None],
    sentence: str,
) -> None:
    with pytest.raises(ModelError, match=sentence):
        open_session(altered(changes), providers=("cpu",), threads=1)


def test_a_provider_the_runtime_lacks_is_passed_over_with_a_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lacking = [name for name in ("coreml", "directml") if name not in _present()]
    assert lacking
    with caplog.at_level(logging.WARNING):
        session = open_session(_entry(), providers=(lacking[0], "cpu"), threads=1)
    assert session.provider == "cpu"
    assert session.fallbacks == (f"{lacking[0]} is not part of the installed ONNX Runtime.",)
    assert lacking[0] in caplog.text


def test_a_provider_that_fails_to_start_falls_back_with_a_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = ort.InferenceSession

    def failing(content: bytes, *, sess_options: object, providers: list[str]) -> object:
        if providers[0] == "CUDAExecutionProvider":
            raise RuntimeError("no kernel image\nlong trace")
        return real(content, sess_options=sess_options, providers=providers)

    monkeypatch.setattr(ort, "InferenceSession", failing)
    monkeypatch.setattr(
        ort, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    session = open_session(_entry(), providers=("cuda",), threads=1)
    assert session.provider == "cpu"
    assert session.fallbacks == ("cuda failed to start: no kernel image.",)


def test_a_provider_that_silently_gives_way_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = ort.InferenceSession

    def giving_way(content: bytes, *, sess_options: object, providers: list[str]) -> object:
        assert providers == ["OpenVINOExecutionProvider", "CPUExecutionProvider"]
        return real(content, sess_options=sess_options, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(ort, "InferenceSession", giving_way)
    monkeypatch.setattr(
        ort,
        "get_available_providers",
        lambda: ["OpenVINOExecutionProvider", "CPUExecutionProvider"],
    )
    session = open_session(_entry(), providers=("openvino", "cpu"), threads=1)
    assert session.provider == "cpu"
    assert "openvino could not be initialised" in session.fallbacks[0]


def test_what_stands_after_the_cpu_is_never_asked_for() -> None:
    assert open_session(_entry(), providers=("cpu", "coreml"), threads=1).provider == "cpu"


def test_an_unknown_provider_is_an_error() -> None:
    with pytest.raises(ModelError, match="no provider «tpu»"):
        open_session(_entry(), providers=("tpu",), threads=1)


def test_pixels_are_prepared_as_the_contract_says() -> None:
    picture = np.zeros((2, 3, 3), np.uint8)
    picture[0, 1] = (10, 20, 30)
    rgb = InputContract(size_hw=(2, 3), colour_order="RGB", mean=5, scale=2).prepare([picture] * 2)
    assert rgb.shape == (2, 3, 2, 3)
    assert rgb.dtype == np.float32
    assert rgb[1, :, 0, 1].tolist() == [50, 30, 10]
    assert rgb[1, :, 1, 1].tolist() == [-10, -10, -10]
    bgr = InputContract(size_hw=(2, 3), colour_order="BGR", mean=0, scale=1).prepare([picture])
    assert bgr[0, :, 0, 1].tolist() == [10, 20, 30]


def test_the_weights_lie_where_the_program_looks_for_them() -> None:
    assert (default_weights_dir() / "manifest.toml").is_file()


def _present() -> set[str]:
    short = {"CoreMLExecutionProvider": "coreml", "DmlExecutionProvider": "directml"}
    return {short[name] for name in ort.get_available_providers() if name in short}
