"""The log of a run: one plain CSV that survives being stopped and taken up again."""

import csv
from collections.abc import Mapping
from pathlib import Path

FIELDS = (
    "step",
    "images",
    "elapsed_s",
    "images_per_s",
    "learning_rate",
    "loss",
    "embedding",
    "similarity",
    "features",
    "margin",
    "gradient_norm",
    "held_out_cosine",
    "held_out_tar_1e-3",
)


class CsvLog:
    """Rows of FIELDS; what was not measured at a step stays empty."""

    def __init__(self, path: Path, *, keep_until_step: int) -> None:
        """Rows after `keep_until_step`, left by a run that was killed, are taken out."""
        self._path = path
        kept: list[dict[str, str]] = []
        if path.exists():
            with path.open(newline="", encoding="utf-8") as stream:
                kept = [
                    row for row in csv.DictReader(stream) if int(row["step"]) <= keep_until_step
                ]
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, FIELDS)
            writer.writeheader()
            writer.writerows(kept)

    def write(self, row: Mapping[str, float | int]) -> None:
        """Append one row; floats with six significant digits."""
        texts = {k: f"{v:.6g}" if isinstance(v, float) else str(v) for k, v in row.items()}
        with self._path.open("a", newline="", encoding="utf-8") as stream:
            csv.DictWriter(stream, FIELDS, restval="").writerow(texts)
