"""`python -m models.summary`: the table, the totals, the JSON, and what it refuses."""

import json
import sys

import pytest

from models.summary import main


def test_without_pytorch_the_command_says_how_to_install_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main([]) == 7
    assert '".[train]"' in capsys.readouterr().err


@pytest.mark.parametrize("size", ["112", "112x", "0x96", "112x96x3", "-16x96", "a×b"])
def test_a_size_that_is_none_is_refused(size: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([f"--size={size}"])
    assert ended.value.code == 2
    assert "is not a size such as 112x96" in capsys.readouterr().err


@pytest.mark.parametrize("size", ["0", "-1", "128.0", "123456", ""])
def test_an_embedding_size_that_is_none_is_refused(
    size: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([f"--embedding-size={size}"])
    assert ended.value.code == 2
    assert "is not a number from 1 to 99999" in capsys.readouterr().err


class TestWithPyTorch:
    @pytest.fixture(autouse=True)
    def _pytorch(self) -> None:
        pytest.importorskip("torch", reason="the networks need the extra [train] (PyTorch)")

    def test_the_table_has_every_layer_and_both_totals(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main([]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "mobilefacenet, relu, 112 × 96 → 128-d"
        layers = [line for line in lines if line.startswith(("stem", "blocks.", "head_"))]
        assert len(layers) == 50 + 50 + 33
        assert layers[0].split("  ")[-1].strip() == "4,644,864"
        totals = {line.split("  ")[0]: line.split()[-2:] for line in lines[-7:]}
        assert totals["parameters"] == ["992,000", "982,208"]
        assert totals["running statistics"] == ["19,584", "0"]
        assert totals["multiply-adds"] == ["192,156,032", "189,408,256"]
        assert totals["float32, MB"] == ["4.05", "3.93"]
        assert totals["int8, MB (estimate)"] == ["–", "1.14"]
        assert len({len(line) for line in lines[2:-8]} - {0}) == 1

    def test_folded_there_are_no_norms_in_the_table(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["--folded", "--activation", "leaky-relu", "--size", "64x64"]) == 0
        text = capsys.readouterr().out
        assert text.splitlines()[0].endswith("64 × 64 → 128-d, norms folded")
        assert "batch norm" not in text
        assert text.count("LeakyReLU") == 33
        assert "4×4" in text

    def test_json_holds_the_same_numbers(self, capsys: pytest.CaptureFixture[str]) -> None:
        command = ["--network", "mobilenet-v2", "--embedding-size", "64", "--json"]
        assert main(command) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["subject"] == {
            "network": "mobilenet-v2",
            "activation": "relu",
            "input_hw": [112, 96],
            "embedding_size": 64,
        }
        for layers, totals in (("layers", "totals"), ("folded_layers", "folded_totals")):
            for key in ("parameters", "multiply_adds", "int8_bytes"):
                assert found[totals][key] == sum(layer[key] for layer in found[layers])
        assert found["layers"][-1]["output_shape"] == [64, 1, 1]

    def test_ir_resnet_keeps_one_norm_a_unit_when_folded(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["--network", "ir-resnet-50", "--folded"]) == 0
        text = capsys.readouterr().out
        assert text.startswith("ir-resnet-50, prelu, 112 × 96 → 128-d")
        assert text.count("batch norm") == 24
        assert "Dropout" not in text

    def test_an_input_that_does_not_fit_is_said(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--size", "100x96"]) == 7
        said = capsys.readouterr().err
        assert "models.summary: mobilefacenet cannot be built: input 100 × 96" in said
        assert "--size" in said

    def test_ir_resnet_has_no_other_activation(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--network", "ir-resnet-50", "--activation", "relu"]) == 7
        assert "ir-resnet-50 has PReLUs, not relu" in capsys.readouterr().err
