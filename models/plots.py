"""ROC and DET curves of several networks as one PNG.

The DET curve (Martin et al., 1997) has both error rates on normal-deviate axes: normally
distributed similarities give a straight line, and the part that matters is not squeezed into a
corner. Drawn on a figure of its own, without pyplot: no display is needed.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import NormalDist

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from attendance.errors import InputError
from models.verification import Curve

_DET_TICKS = (1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95)
_DET_MOST = 0.4
_MOST_POINTS = 600
_STYLES = ("-", "--", "-.", ":")


def draw_curves(curves: Mapping[str, Curve], path: Path) -> None:
    """Write the ROC and the DET curve of each network; the legend has the mapping's keys.

    Raises InputError if the file cannot be written.
    """
    figure = Figure(figsize=(12.0, 5.4), layout="constrained")
    FigureCanvasAgg(figure)
    roc_axes, det_axes = figure.subplots(1, 2)
    for index, (label, one) in enumerate(curves.items()):
        style = _STYLES[index % len(_STYLES)]
        far, tar = thinned(one)
        look = {"linestyle": style, "linewidth": 1.6, "drawstyle": "steps-post", "label": label}
        roc_axes.plot(far, 100 * tar, **look)
        inside = (far > 0) & (far < 1) & (tar > 0) & (tar < 1)
        det_axes.plot(normal_deviates(far[inside]), normal_deviates(1 - tar[inside]), **look)
    finest = finest_rate(min(one.impostor_pairs for one in curves.values()))
    _finish_roc(roc_axes, curves.values(), finest=finest)
    _finish_det(det_axes, curves.values(), finest=finest)
    figure.legend(*roc_axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    try:
        figure.savefig(path, dpi=100, format="png")
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror or error}.", action="Give another --plot."
        ) from error


def thinned(one: Curve) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """At most 600 points of a curve (far, tar), none of them moved, spread evenly over log FAR.

    Of points with one FAR the last is kept, which has the highest TAR.
    """
    last = np.append(one.far[1:] > one.far[:-1], True)
    far, tar = one.far[last], one.tar[last]
    above = int(np.searchsorted(far, 0, side="right"))
    if len(far) - above > _MOST_POINTS:
        targets = np.geomspace(far[above], far[-1], _MOST_POINTS)
        places = np.unique(np.searchsorted(far, targets).clip(above, len(far) - 1))
        far, tar = far[places], tar[places]
    return far, tar


def finest_rate(impostor_pairs: int) -> float:
    """The lowest power of ten that these pairs resolve, at most 0.1: where the axes begin."""
    return 10.0 ** -max(len(str(max(impostor_pairs, 1))) - 1, 1)


def normal_deviates(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many standard deviations each rate in (0, 1) lies from the middle of the normal curve."""
    quantile = NormalDist().inv_cdf
    return np.array([quantile(float(rate)) for rate in rates], np.float64)


def _finish_roc(axes: Axes, curves: Iterable[Curve], *, finest: float) -> None:
    axes.set_xlim(finest, 1)
    axes.set_xscale("log")
    lowest = min(float(one.tar[one.far >= finest].min(initial=1.0)) for one in curves)
    axes.set_ylim(max(100 * lowest - 1, -1), 100.5)
    axes.set(
        title="ROC, all pairs of pictures",
        xlabel="false accept rate",
        ylabel="true accept rate, %",
    )
    axes.grid(visible=True, which="major", alpha=0.3)


def _finish_det(axes: Axes, curves: Iterable[Curve], *, finest: float) -> None:
    missed = [1 - one.tar[(one.far >= finest) & (one.far <= _DET_MOST)] for one in curves]
    rates = np.concatenate(missed)
    rates = rates[(rates > 0) & (rates < 1)]
    least, most = float(rates.min(initial=0.01)), float(rates.max(initial=0.05))
    for axis, low, high in ((axes.xaxis, finest, _DET_MOST), (axes.yaxis, least, most)):
        ticks = [rate for rate in _DET_TICKS if low <= rate <= high]
        axis.set_ticks(
            normal_deviates(np.array(ticks)).tolist(), [f"{100 * rate:g}" for rate in ticks]
        )
    axes.set_xlim(*normal_deviates(np.array([finest, _DET_MOST])))
    axes.set_ylim(*(normal_deviates(np.array([least, most])) + np.array([-0.1, 0.1])))
    axes.set(
        title="DET, normal-deviate axes",
        xlabel="false accept rate, %",
        ylabel="false reject rate, %",
    )
    axes.grid(visible=True, which="major", alpha=0.3)
