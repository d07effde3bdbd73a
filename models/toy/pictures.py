"""Pictures of 2-d embeddings: in the plane, on the circle, over training, and all losses at once.

Drawn on figures of their own, without pyplot: no back end is chosen and no figure stays open.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.animation import PillowWriter
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from attendance.types import FloatArray
from models.toy.data import Labels
from models.toy.measures import mean_directions, unit_length
from models.toy.results import Result
from models.toy.training import Run, Snapshot

_MOST_POINTS = 1000
_BINS = 360
_BLUR_DEG = 2.5
_OUTER = 1.75
"""Half the side of a picture of the circle: room for the densities and the digits around it."""
_HOLD_FRAMES = 6


def draw_run(run: Run, path: Path) -> None:
    """The end of one run as a PNG: the plane, the circle, and the left-out digits on the circle."""
    figure = _figure(13.2, 5.0)
    axes = figure.subplots(1, 3)
    _plane(axes[0], run, run.last)
    _circle(axes[1], run.last.unseen, run.split.unseen.digits, _rays(run, run.last))
    _circle(axes[2], run.last.strangers, run.split.strangers.digits, None)
    axes[0].set_title("embeddings of unseen pictures")
    axes[1].set_title("the same at unit length")
    axes[2].set_title(f"digits left out of training: {_listed(run.split.left_out)}")
    _legend(figure, run)
    figure.suptitle(f"{run.loss_name} on {run.split.name}")
    figure.savefig(path, dpi=80)


def draw_animation(run: Run, path: Path) -> None:
    """The training of one run as a GIF; the last frame stays for a while."""
    figure = Figure(figsize=(6.4, 3.7))
    FigureCanvasAgg(figure)
    plane = figure.add_axes((0.01, 0.02, 0.48, 0.83))
    circle = figure.add_axes((0.51, 0.02, 0.48, 0.83))
    writer = PillowWriter(fps=8)
    with writer.saving(figure, str(path), dpi=80):
        for snapshot in (*run.snapshots, *[run.last] * _HOLD_FRAMES):
            plane.clear()
            circle.clear()
            _plane(plane, run, snapshot)
            _circle(circle, snapshot.unseen, run.split.unseen.digits, _rays(run, snapshot))
            plane.set_title("embeddings of unseen pictures", fontsize=9)
            circle.set_title("at unit length", fontsize=9)
            figure.suptitle(f"{run.loss_name}, epoch {snapshot.epoch}", fontsize=10)
            writer.grab_frame()


def draw_comparison(results: Sequence[Result], path: Path) -> None:
    """All losses on one sheet as a PNG: a column each, and its figures below."""
    figure = _figure(2.3 * len(results) + 0.3, 8.0)
    grid = figure.subplots(3, len(results), squeeze=False)
    for column, result in enumerate(results):
        run = result.run
        plane, circle, strangers = grid[:, column]
        _plane(plane, run, run.last)
        _circle(circle, run.last.unseen, run.split.unseen.digits, _rays(run, run.last))
        _circle(strangers, run.last.strangers, run.split.strangers.digits, None)
        plane.set_title(run.loss_name, fontsize=13)
        circle.set_xlabel(
            f"intra {result.intra_deg.mean:.1f}°, inter {result.inter_deg.mean:.1f}°", fontsize=10
        )
        strangers.set_xlabel(
            f"1-NN {result.strangers_plane.mean:.0%} in 2-d,\n"
            f"{result.strangers_wide.mean:.1%} in {result.wide_size}-d",
            fontsize=10,
        )
    left_out = _listed(results[0].run.split.left_out)
    for axes, text in zip(
        grid[:, 0],
        ("unseen pictures", "the same at unit length", f"left out: {left_out}"),
        strict=True,
    ):
        axes.set_ylabel(text, fontsize=11)
    _legend(figure, results[0].run)
    figure.savefig(path, dpi=85)


def _figure(width_in: float, height_in: float) -> Figure:
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _plane(axes: Axes, run: Run, snapshot: Snapshot) -> None:
    """Embeddings as they are, with the class vectors as rays from the origin."""
    points, digits = snapshot.unseen, run.split.unseen.digits
    limit = 1.1 * float(np.quantile(np.linalg.norm(points, axis=1), 0.99)) + 1e-6
    for digit, vector in zip(run.split.trained, _rays(run, snapshot), strict=True):
        # A centre is a place; a weight vector and a mean direction are directions only.
        is_centre = run.loss_name == "center"
        end = vector if is_centre else unit_length(vector[None])[0] * limit
        axes.plot([0, end[0]], [0, end[1]], color=_colour(digit), linewidth=1.2, zorder=1)
        if is_centre:
            axes.plot(*end, "X", color=_colour(digit), markeredgecolor="black", zorder=3)
    _scatter(axes, points, digits)
    _frame(axes, limit)


def _circle(axes: Axes, points: FloatArray, digits: Labels, rays: FloatArray | None) -> None:
    """Embeddings at unit length; outside the circle, how many of each digit lie where."""
    rows = unit_length(points)
    present = [int(digit) for digit in np.unique(digits)]
    if rays is not None:
        for digit, vector in zip(present, unit_length(rays), strict=True):
            axes.plot(*np.stack([0 * vector, vector]).T, color=_colour(digit), linewidth=1.2)
    _scatter(axes, rows, digits)
    turn = np.linspace(0, 2 * np.pi, _BINS + 1)
    around = np.stack([np.cos(turn), np.sin(turn)])
    axes.plot(*(1.03 * around), color="0.8", linewidth=0.8)
    densities = [_density(rows[digits == digit]) for digit in present]
    highest = max(float(density.max()) for density in densities)
    for digit, density in zip(present, densities, strict=True):
        radius = 1.06 + 0.42 * np.sqrt(density / highest)
        axes.fill(
            *np.hstack([around * radius, 1.06 * around[:, ::-1]]),
            color=_colour(digit),
            alpha=0.45,
            linewidth=0,
        )
    for digit, middle in zip(present, mean_directions(points, digits), strict=True):
        axes.text(
            1.62 * middle[0],
            1.62 * middle[1],
            str(digit),
            color=_colour(digit),
            ha="center",
            va="center",
            fontweight="bold",
        )
    _frame(axes, _OUTER)


def _density(rows: FloatArray) -> FloatArray:
    """The share of rows (N, 2) at each angle, blurred: (_BINS + 1), the first again at the end."""
    angles = np.arctan2(rows[:, 1], rows[:, 0]) % (2 * np.pi)
    shares = np.histogram(angles, bins=_BINS, range=(0, 2 * np.pi))[0] / len(rows)
    offsets = (np.arange(_BINS) + _BINS // 2) % _BINS - _BINS // 2
    kernel = np.exp(-0.5 * (offsets * 360 / _BINS / _BLUR_DEG) ** 2)
    blurred = np.fft.irfft(np.fft.rfft(shares) * np.fft.rfft(kernel / kernel.sum()), n=_BINS)
    closed = np.append(blurred, blurred[0]).clip(0)
    return closed.astype(np.float32)


def _scatter(axes: Axes, points: FloatArray, digits: Labels) -> None:
    every = max(1, -(-len(points) // _MOST_POINTS))
    colours = [_colour(int(digit)) for digit in digits[::every]]
    axes.scatter(
        points[::every, 0], points[::every, 1], s=7, c=colours, alpha=0.7, linewidths=0, zorder=2
    )


def _rays(run: Run, snapshot: Snapshot) -> FloatArray:
    """Class vectors (trained digits, 2); mean directions where the loss has none."""
    if snapshot.class_vectors is not None:
        return snapshot.class_vectors
    return mean_directions(snapshot.unseen, run.split.unseen.digits)


def _frame(axes: Axes, limit: float) -> None:
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
    axes.spines[:].set_color("0.8")


def _legend(figure: Figure, run: Run) -> None:
    digits = sorted((*run.split.trained, *run.split.left_out))
    marks = [
        Line2D([], [], linestyle="", marker="o", color=_colour(digit), label=str(digit))
        for digit in digits
    ]
    figure.legend(handles=marks, loc="outside lower center", ncols=len(marks), frameon=False)


def _colour(digit: int) -> tuple[float, float, float, float]:
    red, green, blue, alpha = colormaps["tab10"](digit)
    return red, green, blue, alpha


def _listed(digits: Sequence[int]) -> str:
    return ", ".join(map(str, digits))
