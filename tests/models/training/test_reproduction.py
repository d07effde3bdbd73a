"""The configuration that began the shipped network reproduces the start of its log."""

import csv
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the extra [train] (PyTorch)")

from models.train import train
from models.training.config import read_config

MODELS = Path(__file__).resolve().parents[3] / "models"
LOG = MODELS / "training" / "start" / "mobilefacenet-slim.log.csv"


def first_row(path: Path) -> dict[str, float]:
    with path.open(encoding="utf-8") as stream:
        row = next(csv.DictReader(stream))
    return {key: float(value) for key, value in row.items() if value}


@pytest.mark.timeout(1200)
def test_the_first_logged_step_is_reached_again(shared_data: Path, tmp_path: Path) -> None:
    expected = first_row(LOG)
    assert expected["step"] == 20
    text = (MODELS / "configs" / "native-slim.toml").read_text("utf-8")
    replaced = {
        '"../../runs/native-slim"': f'"{tmp_path / "run"}"',
        '"../../../shared/data/faces"': f'"{shared_data / "faces"}"',
        '"../training/': f'"{MODELS / "training"}/',
        '"../weights/': f'"{MODELS / "weights"}/',
        # The run warmed up by the clock, to this rate at its 20th step.
        "learning_rate = 5e-4": f"learning_rate = {expected['learning_rate']}",
        "minutes = 125": "steps = 20",
        "warm_up = 0.01": "warm_up = 0.95",
        "hold = 0.6": "hold = 0.0",
    }
    for old, new in replaced.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    try:
        train(read_config(path))
    finally:
        for decoded in (tmp_path / "run").glob("crops-*"):  # 1.4 GB
            decoded.unlink()
    found = first_row(tmp_path / "run" / "log.csv")
    assert found["step"] == 20
    # The same crops with the same augmentation; another machine rounds and warms up differently.
    for term in ("embedding", "similarity", "features"):
        assert found[term] == pytest.approx(expected[term], rel=0.05), term
