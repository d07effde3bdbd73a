"""What an evaluation found, as text with tables for reading, and as JSON."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

from inference.manifest import ModelEntry
from models.agreement import RATE, Agreement, Differences
from models.groups import Breakdown, Group
from models.identification import FPIRS, Identification, Plan, Spread, TooFewPeople
from models.lfw import RATES
from models.verification import Evaluation

_NONE = "–"
_FEW = 10
"""False positives; with fewer, the report says what a figure rests on."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything one run measured, network by network in the same order everywhere.

    identified: per network, an entry for each gallery size of the plan, empty without a plan.
    breakdowns: one a network, empty without groups. notes: sentences to be printed below.
    """

    found: tuple[Evaluation, ...]
    agreements: tuple[Agreement, ...]
    plan: Plan | None
    identified: tuple[tuple[Identification | TooFewPeople, ...], ...]
    breakdowns: tuple[Breakdown, ...]
    notes: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """What each network is called: its file name, its path where two names are the same."""
        return labels_of([one.entry for one in self.found])


def labels_of(entries: Sequence[ModelEntry]) -> tuple[str, ...]:
    """File names, or paths where several files have one name."""
    names = [entry.file for entry in entries]
    return tuple(
        entry.file if names.count(entry.file) == 1 else str(entry.path) for entry in entries
    )


def as_text(report: Report) -> str:
    """The report for reading; tables in Markdown."""
    first = report.found[0]
    parts = [_single(first)] if len(report.found) == 1 else _comparison(report)
    for one in report.agreements:
        parts.append(_agreement(one, labels=report.labels))
    if report.plan is not None:
        parts.append(_identification(report, report.plan))
    for label, breakdown in zip(report.labels, report.breakdowns, strict=False):
        title = f"{label} by group, at the thresholds of all pictures"
        parts.append(breakdown_as_text(title, breakdown))
    if report.notes:
        parts.append("\n".join(report.notes))
    return "\n\n".join(parts)


def _single(found: Evaluation) -> str:
    lines = [
        f"{found.entry.file} ({found.entry.model_id}, {found.entry.precision})",
        f"accuracy {found.accuracy:.2%} ± {found.std:.2%} over {found.pairs} pairs",
        f"faces found in {found.detected} of {found.images} pictures",
    ]
    lines += [
        f"TAR {found.roc.tar[rate]:.2%} at FAR {rate} (threshold {threshold:.3f})"
        for rate, threshold in found.roc.thresholds.items()
    ]
    lines.append(
        f"over {found.roc.genuine_pairs:,} genuine and {found.roc.impostor_pairs:,} impostor pairs"
    )
    lines.append(_times(found.stage_ms))
    return "\n".join(lines)


def _times(stage_ms: dict[str, float]) -> str:
    return ", ".join(f"{stage} {ms:.2f} ms" for stage, ms in stage_ms.items())


def _comparison(report: Report) -> list[str]:
    first = report.found[0]
    table = _table(
        ["file", "MB", "dims", "accuracy", f"TAR at FAR {RATES[0]}", *RATES[1:], "embed, ms"],
        [
            [
                label,
                f"{one.entry.bytes / 1e6:.2f}",
                str(one.embedding_size),
                f"{100 * one.accuracy:.2f} ± {100 * one.std:.2f} %",
                *(_share(one.roc.tar.get(rate)) for rate in RATES),
                f"{one.stage_ms['embed']:.2f}" if "embed" in one.stage_ms else _NONE,
            ]
            for label, one in zip(report.labels, report.found, strict=True)
        ],
    )
    resting = ", ".join(
        f"{int(float(rate) * first.roc.impostor_pairs):,} at {rate}" for rate in RATES
    )
    shared = {name: ms for name, ms in first.stage_ms.items() if name != "embed"}
    below = (
        f"accuracy over {first.pairs:,} pairs; faces found in {first.detected:,} of "
        f"{first.images:,} pictures\n"
        f"TAR over {first.roc.genuine_pairs:,} genuine and {first.roc.impostor_pairs:,} impostor "
        f"pairs; false matches allowed: {resting}"
    )
    return [table, f"{below}\n{_times(shared)}" if shared else below]


def _agreement(one: Agreement, *, labels: Sequence[str]) -> str:
    first, second = labels[one.first], labels[one.second]
    lines = [f"{first} against {second} on the same crops"]
    if one.cosine_mean is not None:
        lines.append(
            f"cosine between the two embeddings: mean {one.cosine_mean:.4f}, "
            f"1st percentile {one.cosine_p1:.4f}, least {one.cosine_min:.4f}"
        )
    if not one.one_network:
        lines.append(
            "The two have different model ids: their cosine means something only if one was "
            "trained towards the other."
        )
    kinds: list[tuple[str, Differences | None]] = [
        ("the protocol's, thresholds of the folds", one.protocol),
        (f"all genuine, each at FAR {RATE}", one.genuine),
        (f"all impostor, each at FAR {RATE}", one.impostor),
    ]
    rows = [
        [
            name,
            f"{kind.pairs:,}",
            f"{kind.first_only + kind.second_only:,} ({100 * kind.share:.2g} %)",
            f"{kind.first_only:,}",
            f"{kind.second_only:,}",
        ]
        for name, kind in kinds
        if kind is not None
    ]
    header = ["pairs", "number", "decided differently", "accepted by the first only"]
    lines += ["", _table([*header, "by the second only"], rows)]
    if one.genuine is None:
        lines.append(f"Too few impostor pairs for FAR {RATE} over all pairs.")
    return "\n".join(lines)


def _identification(report: Report, plan: Plan) -> str:
    header = ["file", "gallery", "probes: enrolled", "others", "rank 1"]
    for rate in FPIRS:
        header += [f"FNIR at FPIR {_percent(rate)}", "accepted above"]
    rows, sentences = [], []
    for label, sizes in zip(report.labels, report.identified, strict=True):
        for one in sizes:
            if isinstance(one, TooFewPeople):
                sentences.append(one.sentence)
                continue
            sentences += one.unmeasured
            sentences += _scarce(one)
            row = [
                label,
                f"{one.size:,}",
                f"{one.mated_probes:,.0f}",
                f"{one.nonmated_probes:,.0f}",
                _rate(one.rank1),
            ]
            for rate in FPIRS:
                point = one.points.get(rate)
                row += (
                    [_NONE, _NONE]
                    if point is None
                    else [
                        _rate(point.fnir),
                        f"{point.threshold.mean:.3f} ± {point.threshold.std:.3f}",
                    ]
                )
            rows.append(row)
    galleries = "1 random gallery" if plan.galleries == 1 else f"{plan.galleries} random galleries"
    templates = "1 template" if plan.templates == 1 else f"{plan.templates} templates"
    head = (
        f"One look against a gallery: {galleries} of each size, {templates} a person, seed "
        f"{plan.seed}; mean ± standard deviation over the galleries"
    )
    parts = [head]
    if rows:
        parts.append(_table(header, rows))
    if sentences:
        parts.append("\n".join(dict.fromkeys(sentences)))
    return "\n\n".join(parts)


def _scarce(one: Identification) -> Iterable[str]:
    for rate, point in one.points.items():
        if point.false_positives < _FEW:
            count = "positive" if point.false_positives == 1 else "positives"
            yield (
                f"FPIR {_percent(rate)} with a gallery of {one.size:,} rests on "
                f"{point.false_positives} false {count} a gallery: a single wrong label moves it."
            )


def _share(rate: float | None) -> str:
    return _NONE if rate is None else f"{100 * rate:.2f} %"


def _rate(spread: Spread) -> str:
    return f"{100 * spread.mean:.1f} ± {100 * spread.std:.1f} %"


def _percent(rate: str) -> str:
    return f"{100 * float(rate):g} %"


def breakdown_as_text(title: str, breakdown: Breakdown) -> str:
    """A row for each group, below a line of the title and the thresholds."""
    header = ["group", "people", "pictures", "genuine pairs", "impostor pairs"]
    for rate in breakdown.thresholds:
        header += [f"TAR at FAR {rate}", f"FMR at FAR {rate} (pairs)"]
    thresholds = ", ".join(
        f"{threshold:.3f} for FAR {rate}" for rate, threshold in breakdown.thresholds.items()
    )
    lines = [f"{title}: {thresholds or 'none'}", ""]
    lines.append(_table(header, [_group_row(group) for group in breakdown.groups]))
    lines += _group_sentences(breakdown)
    return "\n".join(lines)


def _group_row(group: Group) -> list[str]:
    row = [
        group.name,
        f"{group.people:,}",
        f"{group.pictures:,}",
        f"{group.genuine_pairs:,}",
        f"{group.impostor_pairs:,}",
    ]
    for rate, found in group.rates.items():
        row.append(_share(found.tar))
        enough = group.impostor_pairs * float(rate) >= 1
        fmr = _NONE if found.fmr is None or not enough else f"{found.fmr:.1e}"
        row.append(f"{fmr} ({found.false_matches:,})")
    return row


def _group_sentences(breakdown: Breakdown) -> Iterable[str]:
    if not breakdown.thresholds:
        yield "There are too few impostor pairs in all for a threshold."
    for rate in breakdown.thresholds:
        few = [one.name for one in breakdown.groups if one.impostor_pairs * float(rate) < 1]
        if few:
            yield (
                f"Too few impostor pairs to see an FMR of {rate}: {', '.join(few)} "
                f"(it takes {round(1 / float(rate)):,})."
            )
    if breakdown.ungrouped:
        count = "picture has" if breakdown.ungrouped == 1 else "pictures have"
        yield f"{breakdown.ungrouped:,} {count} no group."


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = chain([header, ["---"] * len(header)], rows)
    escaped = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)


def as_json(report: Report) -> str:
    """One JSON object: the network's, or with several {"networks": […], "agreement": […]}."""
    networks = [_network_json(report, index) for index in range(len(report.found))]
    if len(networks) == 1:
        return json.dumps(networks[0] | _notes_json(report), indent=2)
    compared = [_agreement_json(one, labels=report.labels) for one in report.agreements]
    whole = {"networks": networks, "agreement": compared} | _notes_json(report)
    return json.dumps(whole, indent=2)


def _notes_json(report: Report) -> dict[str, Any]:
    return {"notes": list(report.notes)} if report.notes else {}


def _network_json(report: Report, index: int) -> dict[str, Any]:
    found = report.found[index]
    network: dict[str, Any] = {
        "accuracy": found.accuracy,
        "std": found.std,
        "tar": found.roc.tar,
        "thresholds": found.roc.thresholds,
        "detected": found.detected,
        "images": found.images,
        "undetected": list(found.undetected),
        "pairs": found.pairs,
        "genuine_pairs": found.roc.genuine_pairs,
        "impostor_pairs": found.roc.impostor_pairs,
        "stage_ms": found.stage_ms,
        "model_id": found.entry.model_id,
        "precision": found.entry.precision,
        "file": found.entry.file,
        "sha256": found.entry.sha256,
        "bytes": found.entry.bytes,
        "embedding_size": found.embedding_size,
    }
    if report.plan is not None:
        network["identification"] = {
            "plan": asdict(report.plan),
            "galleries": [asdict(one) for one in report.identified[index]],
        }
    if report.breakdowns:
        network["groups"] = asdict(report.breakdowns[index])
    return network


def _agreement_json(one: Agreement, *, labels: Sequence[str]) -> dict[str, Any]:
    return asdict(one) | {"first": labels[one.first], "second": labels[one.second]}
