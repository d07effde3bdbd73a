"""`python -m models.train` ends with a sentence and an exit code, not with a traceback."""

import sys
from pathlib import Path

import cv2
import numpy as np
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
    path.write_text(CONFIG + "[margin]\nloss = 'arcface'\n", encoding="utf-8")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main([str(path)]) == 7
    assert '".[train]"' in capsys.readouterr().err


def test_without_a_teacher_and_a_loss_there_is_nothing_to_learn_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG, encoding="utf-8")
    assert main([str(path)]) == 7
    assert (
        "needs [distill] with a teacher, [margin] with a loss on labels" in capsys.readouterr().err
    )


def labelled_run(tmp_path: Path, margin: str, people: int = 3) -> Path:
    """A configuration that trains on a list of noise pictures of so many people."""
    lines = []
    for place in range(12):
        name = f"{place}.png"
        picture = np.random.default_rng(place).integers(0, 256, (112, 96, 3), np.uint8)
        assert cv2.imwrite(str(tmp_path / name), picture)
        lines.append(f"{name} {place % people}")
    (tmp_path / "list.txt").write_text("\n".join(lines), encoding="utf-8")
    path = tmp_path / "config.toml"
    path.write_text(
        '[run]\ndirectory = "out"\nbatch_size = 4\nthreads = 1\ntensorboard = false\n'
        '[data]\nlist = "list.txt"\nheld_out_of_32 = 0\n'
        f"[margin]\n{margin}\n[schedule]\nsteps = 2\n",
        encoding="utf-8",
    )
    return path


def test_a_list_of_labelled_pictures_is_enough(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs the extra [train] (PyTorch)")
    config = labelled_run(tmp_path, 'loss = "cosface"\nsettings = { margin = 0.2, scale = 16.0 }')
    assert main([str(config)]) == 0
    assert (tmp_path / "out" / "last.npz").exists()
    assert len((tmp_path / "out" / "log.csv").read_text("utf-8").splitlines()) > 1


@pytest.mark.parametrize(
    ("margin", "said"),
    [
        ('loss = "arkface"', "no loss 'arkface'; did you mean 'arcface'?"),
        ('loss = "arcface"\nsettings = { margins = 1 }', "no setting 'margins'"),
        ('loss = "arcface"\nsettings = { scale = -1 }', "scale must be a number above 0"),
        ('loss = "arcface"\nsettings = 3', "margin.settings must be a table"),
    ],
)
def test_a_loss_that_cannot_be_is_said(
    margin: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="training needs the extra [train] (PyTorch)")
    assert main([str(labelled_run(tmp_path, margin))]) == 7
    assert said in capsys.readouterr().err


def test_pictures_of_one_person_only_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="training needs the extra [train] (PyTorch)")
    assert main([str(labelled_run(tmp_path, 'loss = "arcface"', people=1))]) == 2
    assert "pictures of one person only" in capsys.readouterr().err


def test_missing_data_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason="training needs the extra [train] (PyTorch)")
    path = tmp_path / "config.toml"
    path.write_text(CONFIG + "[distill]\nteacher = 'teacher.onnx'\n", encoding="utf-8")
    assert main([str(path)]) == 2
    assert "holds no .tar shard" in capsys.readouterr().err
