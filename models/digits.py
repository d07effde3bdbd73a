"""See what a loss does: `python -m models.digits --loss NAME|all`.

Trains a small network with a 2-d embedding on handwritten digits and writes NAME.png and NAME.gif;
`all` also writes comparison.png and prints a table. Some digits are left out of training.
"""

import argparse
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tqdm import tqdm

from attendance.errors import ConfigError, InputError, KnownError

if TYPE_CHECKING:
    from models.toy.data import Split
    from models.toy.training import Budget, Run

LOSSES = ("softmax", "center", "contrastive", "triplet", "a-softmax", "cosface", "arcface")
WIDE_SIZE = 16
_NEEDED = {"torch": "PyTorch", "matplotlib": "Matplotlib", "sklearn": "scikit-learn"}
_SEEDS = 2**32
_EPOCHS = 60
_EPOCHS_OF_MANY = 2
_MANY = 10_000
"""Pictures; with more of them an epoch is long, and few are enough."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to train, on what, and where the pictures go."""

    losses: tuple[str, ...]
    split: "Split"
    budget: "Budget"
    seed: int
    output_dir: Path


class _Train(Protocol):
    def __call__(self, *, seed: int, embedding_size: int, frames: int) -> "Run": ...


def draw_one(order: Order) -> str:
    """Train one loss, write its picture and animation; returns its figures as a sentence."""
    from models.toy.measures import spread
    from models.toy.pictures import draw_animation, draw_run
    from models.toy.results import stranger_accuracy
    from models.toy.training import FRAMES

    (name,) = order.losses
    with _trainer(order, name, runs=1) as train:
        run = train(seed=order.seed, embedding_size=2, frames=FRAMES)
    draw_run(run, order.output_dir / f"{name}.png")
    draw_animation(run, order.output_dir / f"{name}.gif")
    found = spread(run.last.unseen, run.split.unseen.digits)
    return (
        f"{name}: intra-class {found.intra_deg:.1f}°, inter-class {found.inter_deg:.1f}°; "
        f"1-nearest-neighbour accuracy on the left-out digits {_listed(run.split.left_out)}: "
        f"{stranger_accuracy(run):.1%}\n"
        f"{order.output_dir / name}.png, .gif"
    )


def draw_all(order: Order, *, repeats: int) -> str:
    """Train every loss, write all pictures and the sheet; returns the table.

    repeats: runs a loss, with as many seeds, in the plane and again with a wider embedding.
    """
    from models.toy.pictures import draw_animation, draw_comparison, draw_run
    from models.toy.results import as_text, result_of
    from models.toy.training import FRAMES

    results = []
    seeds = range(order.seed, order.seed + repeats)
    for name in order.losses:
        with _trainer(order, name, runs=2 * repeats) as train:
            plane = [train(seed=seed, embedding_size=2, frames=FRAMES) for seed in seeds]
            wide = [train(seed=seed, embedding_size=WIDE_SIZE, frames=2) for seed in seeds]
        draw_run(plane[0], order.output_dir / f"{name}.png")
        draw_animation(plane[0], order.output_dir / f"{name}.gif")
        results.append(result_of(plane, wide))
    draw_comparison(results, order.output_dir / "comparison.png")
    return f"{as_text(results)}\n{order.output_dir / 'comparison.png'}"


@contextmanager
def _trainer(order: Order, name: str, *, runs: int) -> "Iterator[_Train]":
    """Trains one loss so many times under one progress bar."""
    from models.toy.training import train

    layout = "{desc:12}{percentage:4.0f} %|{bar}| {elapsed} < {remaining}{postfix}"
    with tqdm(total=runs, desc=name, bar_format=layout) as bar:

        def run(*, seed: int, embedding_size: int, frames: int) -> "Run":
            before = bar.n

            def show(done: float, loss: float) -> None:
                bar.set_postfix_str(f"loss {loss:.3f}", refresh=False)
                bar.update(before + done - bar.n)

            return train(
                name,
                order.split,
                budget=order.budget,
                seed=seed,
                embedding_size=embedding_size,
                frames=frames,
                on_step=show,
            )

        yield run


def _prepare(options: argparse.Namespace) -> Order:
    import torch

    from models.toy.data import idx_digits, scikit_digits, split
    from models.toy.training import Budget

    torch.set_num_threads(1)  # convolutions this small get no faster with more
    digits = scikit_digits() if options.data is None else idx_digits(options.data)
    try:
        parts = split(digits, left_out=options.left_out)
    except ValueError as error:
        raise InputError(f"--left-out: {error}.") from error
    many = len(parts.training.digits) > _MANY
    epochs = options.epochs or (_EPOCHS_OF_MANY if many else _EPOCHS)
    budget = Budget(epochs=epochs) if options.seconds is None else Budget(seconds=options.seconds)
    try:
        options.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{options.output} cannot be made a folder: {error.strerror or error}.",
            action="Give another --output.",
        ) from error
    losses = LOSSES if options.loss == "all" else (options.loss,)
    return Order(losses, parts, budget, options.seed, options.output)


def _check_packages(*, with_data: bool) -> None:
    needed = [module for module in _NEEDED if not (with_data and module == "sklearn")]
    missing = [_NEEDED[name] for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"{' and '.join(missing)} {'are' if len(missing) > 1 else 'is'} not installed.",
            action='Run python -m pip install -e ".[train]".',
        )


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 100000")
    return int(text)


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) >= _SEEDS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to {_SEEDS - 1}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds up to 86400")
    return value


def _digits(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(len(part) == 1 and part in "0123456789" for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of digits such as 7,8,9")
    return tuple(map(int, parts))


def _listed(digits: Sequence[int]) -> str:
    return ", ".join(map(str, digits))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m models.digits", description=__doc__)
    parser.add_argument("--loss", choices=(*LOSSES, "all"), required=True)
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="MNIST's four files; default: scikit-learn's"
    )
    parser.add_argument("--output", type=Path, metavar="DIR", default=Path("runs/digits"))
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--epochs",
        type=_positive,
        metavar="N",
        help=f"default: {_EPOCHS}; {_EPOCHS_OF_MANY} with more than {_MANY:,} pictures",
    )
    length.add_argument("--seconds", type=_seconds, metavar="S", help="each run; not repeatable")
    parser.add_argument("--left-out", type=_digits, default=(7, 8, 9), metavar="7,8,9")
    parser.add_argument("--repeats", type=_positive, default=3, help="seeds a loss, for all only")
    parser.add_argument("--seed", type=_seed, default=0)
    options = parser.parse_args(arguments)
    try:
        _check_packages(with_data=options.data is not None)
        order = _prepare(options)
        everything = options.loss == "all"
        print(draw_all(order, repeats=options.repeats) if everything else draw_one(order))
    except KnownError as error:
        print(f"models.digits: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
