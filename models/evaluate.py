"""Measure embedders on LFW-style pictures with the product's own pipeline.

`python -m models.evaluate --images DIR|TAR --pairs FILE [--weights FILE …] [--plot PNG]
[--identify N …] [--groups CSV] [--json] [--write]`
"""

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from attendance.errors import ConfigError, InputError, KnownError
from inference.manifest import ModelEntry, read_manifest
from models.agreement import agreements
from models.embedding_pass import (
    DETECTORS,
    EmbeddingPass,
    check_pairs,
    embed_pictures,
    entries_of_files,
    entry_of_file,
)
from models.evaluation_report import Report, as_json, as_text, labels_of
from models.groups import GroupFile, break_down, check_groups, read_groups
from models.identification import Plan, identify
from models.lfw import Pair, read_pairs
from models.picture_store import PictureStore
from models.verification import Evaluation, curve, score_pairs

__all__ = ["entry_of_file", "main"]

_MOST = 1_000_000
_SEEDS = 2**32
_GALLERIES = 10
_TEMPLATES = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate embedders; print text or JSON; with --write store the figures for the build."""
    options = _parse(arguments)
    try:
        _check_packages(options)
        entries = _entries(options)
        store = PictureStore(options.images)
        pairs = read_pairs(options.pairs)
        check_pairs(pairs, store.pictures(), pairs_file=options.pairs)
        groups, notes = _groups(options, store)
        taken = embed_pictures(
            store,
            entries,
            threads=options.threads,
            detector=options.detector,
            mirrored=False if options.plain else None,
        )
        report = _measure(taken, pairs, plan=_plan(options), groups=groups, notes=notes)
        print(as_json(report) if options.json else as_text(report))
        if options.plot is not None:
            _plot(taken, options.plot)
        if options.write:
            _write(report.found, options)
    except KnownError as error:
        print(f"models.evaluate: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _measure(
    taken: EmbeddingPass,
    pairs: Sequence[Pair],
    *,
    plan: Plan | None,
    groups: GroupFile | None,
    notes: Sequence[str],
) -> Report:
    """All tables of one pass."""
    found = score_pairs(taken, pairs)
    networks = list(zip(taken.vectors, found, strict=True))
    return Report(
        found=found,
        agreements=agreements(taken, found),
        plan=plan,
        identified=tuple(
            () if plan is None else identify(vectors, taken.faces, plan) for vectors, _ in networks
        ),
        breakdowns=()
        if groups is None
        else tuple(
            break_down(vectors, taken.faces, groups, overall=one.roc) for vectors, one in networks
        ),
        notes=tuple(notes),
    )


def _entries(options: argparse.Namespace) -> tuple[ModelEntry, ...]:
    if options.weights is None:
        return (read_manifest().entry("embed", precision="int8"),)
    return entries_of_files(options.weights)


def _groups(
    options: argparse.Namespace, store: PictureStore
) -> tuple[GroupFile | None, tuple[str, ...]]:
    if options.groups is None:
        return None, ()
    groups = read_groups(options.groups)
    note = check_groups(groups, store.pictures(), path=options.groups)
    return groups, (note,) if note else ()


def _plan(options: argparse.Namespace) -> Plan | None:
    if options.identify is None:
        return None
    return Plan(
        sizes=tuple(options.identify),
        templates=options.templates or _TEMPLATES,
        galleries=options.galleries or _GALLERIES,
        seed=options.seed or 0,
    )


def _plot(taken: EmbeddingPass, path: Path) -> None:
    from models.plots import draw_curves

    labels = labels_of(taken.entries)
    curves = [curve(vectors, taken.faces) for vectors in taken.vectors]
    draw_curves(dict(zip(labels, curves, strict=True)), path)


def _write(found: Sequence[Evaluation], options: argparse.Namespace) -> None:
    from models.figures import Figures, add_figures

    for one in found:
        command = (
            f"python -m models.evaluate --images {options.images} --pairs {options.pairs} "
            f"--weights models/weights/{one.entry.file}"
        )
        add_figures(
            Figures(
                sha256=one.entry.sha256,
                file=one.entry.file,
                lfw_accuracy=one.accuracy,
                lfw_std=one.std,
                pairs=one.pairs,
                detected=one.detected,
                images=one.images,
                impostor_pairs=one.roc.impostor_pairs,
                tar=one.roc.tar,
                thresholds=one.roc.thresholds,
                command=command,
            )
        )


def _check_packages(options: argparse.Namespace) -> None:
    """What the end of a long run needs is looked for before it begins."""
    if options.write and importlib.util.find_spec("tomli_w") is None:
        raise ConfigError(
            "--write needs tomli-w, which is not installed.",
            action='Run python -m pip install -e ".[build]".',
        )
    if options.plot is None:
        return
    if importlib.util.find_spec("matplotlib") is None:
        raise ConfigError(
            "--plot needs Matplotlib, which is not installed.",
            action='Run python -m pip install -e ".[train]".',
        )
    if options.plot.suffix.lower() != ".png":
        raise InputError(f"--plot writes PNG, not {options.plot}.", action="Name it FILE.png.")
    if not options.plot.parent.is_dir() or options.plot.is_dir():
        raise InputError(f"{options.plot} cannot be written.", action="Give another --plot.")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m models.evaluate", description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="LFW folder or tar file")
    parser.add_argument("--pairs", type=Path, required=True, help="LFW pairs file")
    parser.add_argument(
        "--weights",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="embedder .onnx (default: the shipped int8); several are compared",
    )
    parser.add_argument("--detector", choices=sorted(DETECTORS), default="short")
    parser.add_argument("--threads", type=_positive, default=2)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="draw the ROC and DET curves")
    parser.add_argument(
        "--groups", type=Path, metavar="CSV", help="name,group: rates by group at one threshold"
    )
    kept = parser.add_mutually_exclusive_group()
    kept.add_argument("--plain", action="store_true", help="without the crops' mirror images")
    kept.add_argument("--write", action="store_true", help="keep the figures beside the weights")
    looks = parser.add_argument_group("identification")
    looks.add_argument(
        "--identify", type=_positive, nargs="+", metavar="N", help="galleries of so many people"
    )
    looks.add_argument(
        "--templates", type=_positive, metavar="K", help=f"a person; default {_TEMPLATES}"
    )
    looks.add_argument(
        "--galleries", type=_positive, metavar="G", help=f"of each size; default {_GALLERIES}"
    )
    looks.add_argument("--seed", type=_seed, metavar="S", help="of the galleries; default 0")
    options = parser.parse_args(arguments)
    if options.identify is None:
        for name in ("templates", "galleries", "seed"):
            if getattr(options, name) is not None:
                parser.error(f"--{name} is for --identify, which is not given")
    elif len(set(options.identify)) < len(options.identify):
        parser.error("--identify: a gallery size is given twice")
    return options


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 0 < int(text) <= _MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {_MOST}")
    return int(text)


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) >= _SEEDS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to {_SEEDS - 1}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
