"""The logs of a run: a plain CSV and TensorBoard events; both survive being stopped."""

import csv
import logging
from collections.abc import Mapping
from pathlib import Path

_LOG = logging.getLogger(__name__)
FIELDS = (
    "step",
    "images",
    "elapsed_s",
    "images_per_s",
    "learning_rate",
    "loss",
    "embedding",
    "similarity",
    "neighbours",
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


class EventLog:
    """The same figures as TensorBoard events, by step; nothing where TensorBoard is missing."""

    def __init__(self, directory: Path, *, keep_until_step: int) -> None:
        """Events after `keep_until_step`, left by a run that was killed, are not shown."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            _LOG.warning("TensorBoard is not installed (extra train): only the CSV log is written")
            self._writer = None
            return
        self._writer = SummaryWriter(str(directory), purge_step=keep_until_step + 1)  # type: ignore[no-untyped-call]

    def write(self, row: Mapping[str, float | int]) -> None:
        """One point for each figure of the row but its step."""
        if self._writer is None:
            return
        for name, value in row.items():
            if name != "step":
                self._writer.add_scalar(name, value, int(row["step"]))

    def close(self) -> None:
        """Write what is waiting."""
        if self._writer is not None:
            self._writer.close()
