"""Count a face network: `python -m models.summary`.

Prints each layer's output shape, parameters and multiply-adds, and the totals before and after the
batch norms are folded into the convolutions. Nothing is computed and no weights are needed.
"""

import argparse
import dataclasses
import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from attendance.errors import ConfigError, KnownError

if TYPE_CHECKING:
    from torch import nn

    from models.networks.count import Layer, Totals
    from models.networks.mobilefacenet import Activation, Norm

NETWORKS = ("mobilefacenet", "mobilefacenet-slim", "mobilenet-v2", "ir-resnet-50")
_TABLES = {"mobilefacenet": "paper", "mobilefacenet-slim": "slim", "mobilenet-v2": "mobilenet-v2"}
"""Names of models.networks.mobilefacenet.TABLES."""
ACTIVATIONS = ("relu", "leaky-relu", "prelu")
_ANY_SLOPE = 0.1
"""A LeakyReLU costs the same whatever its slope."""
_MEGA = 1e6


@dataclass(frozen=True, slots=True)
class Subject:
    """Which network is counted, and for which input."""

    network: str
    activation: "Activation"
    input_hw: tuple[int, int]
    embedding_size: int


@dataclass(frozen=True, slots=True)
class Summary:
    """Layers and totals of one network as it is trained and as it is run."""

    subject: Subject
    layers: "tuple[Layer, ...]"
    totals: "Totals"
    folded_layers: "tuple[Layer, ...]"
    folded_totals: "Totals"


def summarise(subject: Subject) -> Summary:
    """Count a network without giving it weights.

    Raises ConfigError if PyTorch is missing or if no such network can be built.
    """
    try:
        import torch
    except ImportError as error:
        raise ConfigError(
            "Counting a network needs PyTorch, which is not installed.",
            action='Run python -m pip install -e ".[train]".',
        ) from error
    from models.networks.count import layers_of, totals_of

    build = _builder(subject)
    try:
        with torch.device("meta"):
            trained, run = build("batch"), build("none")
    except ValueError as error:
        raise ConfigError(
            f"{subject.network} cannot be built: {error}.", action="Give another --size."
        ) from error
    layers = layers_of(trained, subject.input_hw)
    folded_layers = layers_of(run, subject.input_hw)
    return Summary(subject, layers, totals_of(layers), folded_layers, totals_of(folded_layers))


def _builder(subject: Subject) -> "Callable[[Norm], nn.Module]":
    from models.networks.ir_resnet import IrResNet, IrResNetSettings
    from models.networks.mobilefacenet import TABLES, MobileFaceNet, NetworkSettings

    if subject.network == "ir-resnet-50":
        if subject.activation != "prelu":
            raise ConfigError(
                f"ir-resnet-50 has PReLUs, not {subject.activation}.",
                action="Leave --activation out.",
            )
        ir_settings = IrResNetSettings(
            input_hw=subject.input_hw, embedding_size=subject.embedding_size
        )
        return lambda norm: IrResNet(dataclasses.replace(ir_settings, norm=norm))
    stem_channels, table = TABLES[_TABLES[subject.network]]
    settings = NetworkSettings(
        input_hw=subject.input_hw,
        embedding_size=subject.embedding_size,
        activation=subject.activation,
        table=table,
        stem_channels=stem_channels,
    )
    if subject.activation == "leaky-relu":
        slopes = (_ANY_SLOPE,) * settings.activation_count
        settings = dataclasses.replace(settings, slopes=slopes)
    return lambda norm: MobileFaceNet(dataclasses.replace(settings, norm=norm))


def as_text(found: Summary, *, shown: Literal["trained", "folded"] = "trained") -> str:
    """The table of the network as trained or as folded, and the totals of both."""
    subject = found.subject
    height, width = subject.input_hw
    layers = found.layers if shown == "trained" else found.folded_layers
    rows = [("layer", "kind", "output", "parameters", "multiply-adds")]
    rows += [
        (
            layer.name,
            layer.kind,
            " × ".join(map(str, layer.output_shape)),
            f"{layer.parameters:,}",
            f"{layer.multiply_adds:,}",
        )
        for layer in layers
    ]
    title = (
        f"{subject.network}, {subject.activation}, {height} × {width} → "
        f"{subject.embedding_size}-d" + (", norms folded" if shown == "folded" else "")
    )
    return "\n".join(
        [
            title,
            "",
            *_columns(rows, left=3),
            "",
            *_columns(
                [
                    ("total", "as trained", "norms folded"),
                    *_total_rows(found.totals, found.folded_totals),
                ],
                left=1,
            ),
        ]
    )


def _total_rows(trained: "Totals", folded: "Totals") -> list[tuple[str, str, str]]:
    def row(name: str, text: "Callable[[Totals], str]") -> tuple[str, str, str]:
        return name, text(trained), text(folded)

    return [
        row("parameters", lambda totals: f"{totals.parameters:,}"),
        row("running statistics", lambda totals: f"{totals.statistics:,}"),
        row("multiply-adds", lambda totals: f"{totals.multiply_adds:,}"),
        row("… convolutions and fully connected", lambda t: f"{t.matrix_multiply_adds:,}"),
        row("float32, MB", lambda totals: f"{totals.fp32_bytes / _MEGA:.2f}"),
        ("int8, MB (estimate)", "–", f"{folded.int8_bytes / _MEGA:.2f}"),
    ]


def _columns(rows: Sequence[tuple[str, ...]], *, left: int) -> list[str]:
    """Rows as aligned lines: so many columns to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def as_json(found: Summary) -> str:
    """Everything as one JSON object."""
    return json.dumps(dataclasses.asdict(found), indent=2)


def _size_hw(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d{0,3})[xX×]([1-9]\d{0,3})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 112x96 (height x width)")
    return int(match[1]), int(match[2])


def _positive(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,4}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 99999")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m models.summary", description=__doc__)
    parser.add_argument("--network", choices=NETWORKS, default=NETWORKS[0])
    parser.add_argument(
        "--activation", choices=ACTIVATIONS, help="default: relu; ir-resnet-50 has prelu only"
    )
    parser.add_argument("--size", type=_size_hw, default=(112, 96), metavar="HxW")
    parser.add_argument("--embedding-size", type=_positive, default=128, metavar="E")
    parser.add_argument("--folded", action="store_true", help="the layers with norms folded in")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    usual: Activation = "prelu" if options.network == "ir-resnet-50" else "relu"
    subject = Subject(
        options.network, options.activation or usual, options.size, options.embedding_size
    )
    try:
        found = summarise(subject)
    except KnownError as error:
        print(f"models.summary: {error}", file=sys.stderr)
        return error.exit_code
    shown: Literal["trained", "folded"] = "folded" if options.folded else "trained"
    print(as_json(found) if options.json else as_text(found, shown=shown))
    return 0


if __name__ == "__main__":
    sys.exit(main())
