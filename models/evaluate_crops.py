"""Error rates by where faces come from: `python -m models.evaluate_crops --crops FOLDER`.

Embeds aligned crops from tar files (`python -m models.train` takes the same) and compares those of
one source with each other, at the thresholds that the network's manifest entry has. A network that
was trained on the crops must be measured on those that were held out.

A crop without a label counts as a person of its own; where two of them are one person, the false
match rate comes out too high, so that it is an upper bound.
"""

import argparse
import json
import sys
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from attendance.errors import InputError, KnownError
from attendance.types import Crop, FloatArray
from inference.embed import Embedder
from inference.manifest import ModelEntry, read_manifest
from inference.session import open_session
from models.crops import decode_crop
from models.evaluation_report import breakdown_as_text
from models.groups import RATES, GroupFile, break_down
from models.lfw import Picture, Roc, number_faces
from models.training.data import is_held_out

WEIGHTS_DIR = Path(__file__).parent / "weights"
_BATCH = 16


@dataclass(frozen=True, slots=True)
class SourcedCrop:
    """One aligned crop. person: its label, or its own name where it has none."""

    crop: Crop
    source: str
    person: str


def read_sourced(folder: Path, *, most: int = 0, held_out_of_32: int = 32) -> Iterator[SourcedCrop]:
    """The crops of a folder's tar files with their sources, in the order of the files.

    most: of each source, 0 for all. held_out_of_32: only crops that a training with this setting
    leaves out; 32 for all. Raises InputError naming the file and member that is wrong.
    """
    archives = sorted(folder.glob("*.tar"))
    if not archives:
        raise InputError(
            f"{folder} holds no tar file with crops.", action="Give the folder of faces-*.tar."
        )
    taken: dict[str, int] = {}
    place = -1
    for archive in archives:
        try:
            with tarfile.open(archive) as tarball:
                members = {m.name: m for m in tarball if m.isfile()}
                for name in sorted(name for name in members if name.endswith(".webp")):
                    place += 1
                    where = f"{archive.name}: {name}"
                    facts = _content(tarball, members.get(f"{name[:-5]}.json"))
                    source, label = _facts(facts, where)
                    if not is_held_out(label, place, held_out_of_32):
                        continue
                    if most and taken.get(source, 0) >= most:
                        continue
                    taken[source] = taken.get(source, 0) + 1
                    crop = Crop(decode_crop(_content(tarball, members[name]), where))
                    person = f"label {label}" if label >= 0 else where
                    yield SourcedCrop(crop, source, person)
        except tarfile.TarError as error:
            raise InputError(
                f"The shard {archive} is damaged: {error}.", action="Copy or fetch it again."
            ) from error


def _content(tarball: tarfile.TarFile, member: tarfile.TarInfo | None) -> bytes:
    stream = tarball.extractfile(member) if member is not None else None
    return stream.read() if stream is not None else b""


def _facts(data: bytes, where: str) -> tuple[str, int]:
    try:
        facts = json.loads(data)
        source, label = facts["source"], facts["label"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{where} has no JSON with a source and a label beside it.", action="Add it."
        ) from error
    if not isinstance(source, str) or type(label) is not int:
        raise InputError(
            f"{where}: the source must be a text and the label a whole number.",
            action="Correct the JSON beside it.",
        )
    return source, label


def rates_by_source(crops: Sequence[SourcedCrop], vectors: FloatArray, entry: ModelEntry) -> str:
    """The table of one network. vectors: unit embeddings float32 (N, D) of the crops.

    Raises InputError if the manifest has no thresholds for the network.
    """
    thresholds = {rate: entry.thresholds[rate] for rate in RATES if rate in entry.thresholds}
    if not thresholds:
        raise InputError(
            f"The manifest has no thresholds for {entry.file}.",
            action="Measure it with models.evaluate --write, then build the manifest.",
        )
    pictures: list[Picture] = [(one.person, number) for number, one in enumerate(crops)]
    sources = {picture: one.source for picture, one in zip(pictures, crops, strict=True)}
    faces = number_faces(pictures, lost=())
    groups = GroupFile(people={}, pictures=sources)
    overall = Roc(tar={}, thresholds=thresholds, genuine_pairs=0, impostor_pairs=0)
    return breakdown_as_text(
        f"{entry.file} by source, at the thresholds of its manifest entry",
        break_down(vectors, faces, groups, overall=overall),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m models.evaluate_crops", description=(__doc__ or "").partition("\n\n")[0]
    )
    parser.add_argument("--crops", type=Path, required=True, help="folder of tar files")
    parser.add_argument("--weights", type=Path, nargs="+", help="files (default: the kiosk's)")
    parser.add_argument("--most", type=int, default=0, help="crops of each source (default: all)")
    parser.add_argument(
        "--held-out-of-32",
        type=int,
        default=32,
        help="only what a training with this setting left out (default: everything)",
    )
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(arguments)
    if options.most < 0 or options.threads < 1 or not 1 <= options.held_out_of_32 <= 32:
        parser.error("--most must be at least 0, --threads 1, --held-out-of-32 from 1 to 32")
    try:
        _run(options)
    except KnownError as error:
        print(f"models.evaluate_crops: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _run(options: argparse.Namespace) -> None:
    entries = _entries(options.weights)
    crops = list(
        read_sourced(options.crops, most=options.most, held_out_of_32=options.held_out_of_32)
    )
    if not crops:
        raise InputError(f"No crop of {options.crops} is held out.", action="Take all of them.")
    for entry in entries:
        embedder = Embedder(open_session(entry, providers=("cpu",), threads=options.threads))
        made = [
            one.vec
            for start in tqdm(
                range(0, len(crops), _BATCH), unit="batch", disable=not sys.stderr.isatty()
            )
            for one in embedder.embed([one.crop for one in crops[start : start + _BATCH]])
        ]
        print(rates_by_source(crops, np.stack(made), entry), end="\n\n")


def _entries(paths: Sequence[Path] | None) -> tuple[ModelEntry, ...]:
    """Manifest entries of the files. Raises InputError for a file that the manifest has not."""
    manifest = read_manifest(WEIGHTS_DIR)
    if not paths:
        return (manifest.entry("embed", precision="int8"),)
    by_file = {entry.file: entry for entry in manifest.entries if entry.role == "embed"}
    for path in paths:
        if path.name not in by_file or path.resolve().parent != WEIGHTS_DIR.resolve():
            raise InputError(
                f"{path} is no embedder of {manifest.path}.",
                action=f"Give files of {WEIGHTS_DIR.name}: {', '.join(by_file)}.",
            )
    return tuple(by_file[path.name] for path in paths)


if __name__ == "__main__":
    sys.exit(main())
