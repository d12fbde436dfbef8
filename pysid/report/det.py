"""The DET plot: the two error rates of detection systems against each other, on probit axes."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from pysid.errors import DataError, needs_extra
from pysid.io.files import atomic_path
from pysid.metrics import det_curve, equal_error_rate, format_eer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TICKS = (0.0001, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9)  # rates
RESOLUTION = 1e-3  # of a curve, in probits: finer steps than this cannot be seen


def plot_det(
    systems: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    title: str = "",
    limits: tuple[float, float] = (0.0005, 0.6),
) -> "Figure":
    """The detection error trade-off of one or several systems, each with its equal error rate marked.

    On probit axes Gaussian scores give straight lines (Martin et al., "The DET curve in assessment of
    detection task performance", Eurospeech 1997).

    Args:
        systems: name -> (target scores, nontarget scores), see `pysid.metrics.det_curve`.
        title: printed above.
        limits: lowest and highest error rate shown, 0 < low < high < 1.
    Returns:
        a figure, to be saved by `figure.savefig`; it needs no display.
    """
    with needs_extra("a DET plot", "plots"):
        from matplotlib.figure import Figure

    low, high = limits
    if not systems:
        raise ValueError("a DET plot needs at least one system")
    if not 0 < low < high < 1:
        raise ValueError(f"limits must be 0 < low < high < 1, got {limits}")
    figure = Figure(figsize=(6, 6), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(ndtri(limits), ndtri(limits), color="0.8", linewidth=0.8, zorder=0)
    for name, (target, nontarget) in systems.items():
        _plot_system(axes, name, target, nontarget, limits)
    _probit_axes(axes, limits)
    axes.set_title(title)
    axes.legend(loc="upper right")
    return figure


def save_det_plot(
    path: str | os.PathLike[str], systems: Mapping[str, tuple[ArrayLike, ArrayLike]], *, title: str = ""
) -> None:
    """Writes the figure of `plot_det`, as the ending of `path` says: .png, .svg, .pdf and the like.

    Args:
        path: where to.
        systems: {name: (target, nontarget)} scores.
        title: above the plot.
    Raises:
        DataError: matplotlib cannot write files of that ending.
    """
    figure = plot_det(systems, title=title)
    ending, known = Path(path).suffix.lstrip("."), figure.canvas.get_supported_filetypes()
    if ending not in known:
        raise DataError(f"{path}: a plot needs one of the endings {', '.join(sorted(known))}, got {ending!r}")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=ending)


def _plot_system(axes: "Axes", name: str, target: ArrayLike, nontarget: ArrayLike, limits: tuple[float, float]) -> None:
    curve = det_curve(target, nontarget)
    eer, _ = equal_error_rate(target, nontarget)
    # Rates of 0 and 1 lie at infinity: they are drawn a little outside of what is shown.
    low, high = ndtri(limits[0]) - 1, ndtri(limits[1]) + 1
    points = np.clip(np.stack([ndtri(curve.false_alarm), ndtri(curve.miss)]), low, high)
    seen = np.diff(np.round(points / RESOLUTION), axis=1, prepend=np.inf).any(axis=0)
    (line,) = axes.plot(*points[:, seen], label=f"{name} (EER {format_eer(eer)}%)")
    mark = _on_diagonal(points)
    if (np.abs(mark - ndtri(limits).mean()) <= np.ptp(ndtri(limits)) / 2).all():
        axes.plot(*mark, marker="o", color=line.get_color())


def _on_diagonal(points: np.ndarray) -> np.ndarray:
    """(2,) where a curve (2, N) of false alarms, falling, and misses, rising, has equal rates.

    That is the equal error rate but for the step that it lies in: the figure is one end of it, the curve its slope.
    """
    excess = points[0] - points[1]
    after = int(np.argmax(excess <= 0))
    if not after:  # the curve lies on one side of the diagonal
        return np.full(2, np.inf)
    share = excess[after - 1] / (excess[after - 1] - excess[after])
    mark: np.ndarray = points[:, after - 1] + share * (points[:, after] - points[:, after - 1])
    return mark


def _probit_axes(axes: "Axes", limits: tuple[float, float]) -> None:
    ticks = [rate for rate in TICKS if limits[0] <= rate <= limits[1]]
    labels = [f"{100 * rate:g}" for rate in ticks]
    axes.set_xticks(ndtri(ticks), labels)
    axes.set_yticks(ndtri(ticks), labels)
    axes.set_xlim(*ndtri(limits))
    axes.set_ylim(*ndtri(limits))
    axes.set_aspect("equal")
    axes.set_xlabel("false alarms (% of different-speaker trials)")
    axes.set_ylabel("misses (% of same-speaker trials)")
    axes.grid(True, linewidth=0.4)
