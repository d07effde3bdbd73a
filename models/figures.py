"""Measured figures of the shipped files, kept by hash, so that none outlives its file."""

import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tomli_w

FIGURES_FILE = Path(__file__).parent / "weights" / "figures.toml"
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Figures:
    """One file's figures on LFW pairs; rates are fractions, thresholds cosines."""

    sha256: str
    file: str
    lfw_accuracy: float
    lfw_std: float
    pairs: int
    detected: int
    images: int
    impostor_pairs: int
    tar: dict[str, float]
    thresholds: dict[str, float]
    command: str


def read_figures(path: Path = FIGURES_FILE) -> dict[str, dict[str, Any]]:
    """The stored figures by the SHA-256 of the file they were measured with."""
    if not path.exists():
        return {}
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return {row["sha256"]: row for row in table.get("figures", [])}


def add_figures(figures: Figures, path: Path = FIGURES_FILE) -> None:
    """Store figures, rounded to four digits, in place of older ones of the same file name."""
    row = _rounded(asdict(figures))
    kept = [old for old in read_figures(path).values() if old["file"] != figures.file]
    rows = sorted([*kept, row], key=lambda entry: str(entry["file"]))
    text = "# Written by `python -m models.evaluate --write`; do not edit.\n\n"
    path.write_text(text + tomli_w.dumps({"figures": rows}), encoding="utf-8")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, _DIGITS)
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return value
