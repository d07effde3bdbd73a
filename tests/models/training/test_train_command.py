"""`python -m models.train` ends with a sentence and an exit code, not with a traceback."""

import sys
from pathlib import Path

import pytest

from models.train import main

CONFIG = """
[run]
directory = "out"
[data]
shards = "faces"
[schedule]
steps = 10
"""


def test_a_missing_configuration_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "missing.toml")]) == 7
    assert "missing.toml cannot be read" in capsys.readouterr().err


def test_without_pytorch_the_command_says_how_to_install_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG, encoding="utf-8")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main([str(path)]) == 7
    assert '".[train]"' in capsys.readouterr().err


def test_without_a_teacher_there_is_nothing_to_learn_from_yet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="training needs the extra [train] (PyTorch)")
    path = tmp_path / "config.toml"
    path.write_text(CONFIG, encoding="utf-8")
    assert main([str(path)]) == 7
    assert "no [distill] table" in capsys.readouterr().err


def test_missing_data_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason="training needs the extra [train] (PyTorch)")
    path = tmp_path / "config.toml"
    path.write_text(CONFIG + "[distill]\nteacher = 'teacher.onnx'\n", encoding="utf-8")
    assert main([str(path)]) == 2
    assert "holds no .tar shard" in capsys.readouterr().err
