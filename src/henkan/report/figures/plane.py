"""The perception-distortion plane, a point a run."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from henkan.report import svg
from henkan.report.figures.chart import Chart, broken, drawing, figure_of, verbatim, written
from henkan.report.figures.palette import MUTED, colors, markers, seed_words
from henkan.report.front import front
from henkan.report.statistics import seed_means
from henkan.report.study import Study
from henkan.report.ticks import Plain, width_of
from henkan.report.words import metric

FRONT: dict[str, Any] = {"color": MUTED, "lw": 0.9, "ls": (0, (1, 1.5)), "zorder": 1.5}


def plane(study: Study) -> tuple[Chart, bytes] | None:
    """Draw the perception-distortion plane, a point a run; return it with its PNG, None without a point."""
    axes_of = study.plan.get("plane") or {}
    keys = [axes_of.get("x"), axes_of.get("y")]
    if not all(key in study.metrics for key in keys):
        return None
    x_key, y_key = map(str, keys)
    with drawing():
        best = front(study)
        extra = [Line2D([], [], label="Pareto front of the means", **FRONT)] if len(best) > 1 else []
        figure, axes, height = figure_of(3.7, 3.3, study, seeds=True, extra=extra)
        for name, (color, _) in colors(study).items():
            x, y = (seed_means(study.scores(name, key)) for key in (x_key, y_key))
            points = {seed: (x[seed], y[seed]) for seed in x if seed in y}
            for seed, point in points.items():
                marker = markers(study).get(seed, "o")
                (drawn,) = axes.plot(*point, marker, ms=8 if seed is None else 5, color=color, alpha=0.55, mew=0)
                svg.trace(drawn, f"{name}, {seed_words(seed)}")
            if len(points) > 1:
                center = np.mean(list(points.values()), axis=0)
                axes.plot(*center, "o", ms=11, mfc="none", mec=color, mew=1.8, zorder=3)
                axes.plot(*center, "o", ms=2.5, color=color, zorder=3)
        if len(best) > 1:
            centers = [[np.mean(list(seed_means(study.scores(name, key)).values())) for key in (x_key, y_key)]
                       for name in best]  # fmt: skip
            axes.plot(*zip(*centers, strict=True), **FRONT)
        for key, label, corner in ((x_key, axes.set_xlabel, "x"), (y_key, axes.set_ylabel, "y")):
            unit = f" ({metric(key).unit})" if metric(key).unit else ""
            side = study.directions.get(key) or (f"closer to {study.targets[key]:g}" if key in study.targets else "")
            room = 72 * (3.7 if corner == "x" else 3.3) - 44
            label(verbatim(broken(f"{metric(key).label}{unit}{f', {side} is better' if side else ''}", room, width_of)))
            getattr(axes, f"{corner}axis").set_major_locator(MaxNLocator(5))
            getattr(axes, f"{corner}axis").set_major_formatter(Plain())
        axes.margins(0.14)
        bound(axes, study, x_key)
        better_corner(axes, study.directions.get(x_key), study.directions.get(y_key))
        raster = BytesIO()
        figure.savefig(raster, format="png", dpi=200, facecolor="white")
        title = "Perception and distortion"
        return Chart("plane", title, "plane", *written(figure, study, "plane", height)), raster.getvalue()


def bound(axes: Axes, study: Study, key: str) -> None:
    """Draw the line that lies as far below the baseline as the study says.

    An estimate of the least MSE has a companion of perfect perception at twice its MSE at most, 3.01 dB below it (Blau
    and Michaeli 2018).
    """
    below = study.plan.get("bound")
    of = [name for name in study.configurations if name not in study.baselines]
    means = [float(np.mean(list(scores.values()))) for name in of if (scores := seed_means(study.scores(name, key)))]
    if below is None or len(means) != 1:
        return
    axes.axvline(means[0] - below, color=MUTED, lw=1, ls="--", zorder=1)
    unit = f" {metric(key).unit}" if metric(key).unit else ""
    axes.text(
        means[0] - below,
        0.5,
        f" {below:g}{unit} below {verbatim(of[0])}",
        transform=axes.get_xaxis_transform(),
        rotation=90,
        ha="right",
        va="center",
        color=MUTED,
        fontsize=7,
    )


def better_corner(axes: Axes, x: str | None, y: str | None) -> None:
    """Name the corner of the plane in which both metrics are better."""
    if x is None or y is None:
        return
    right, up = x == "higher", y == "higher"
    arrow = {(True, True): "↗", (True, False): "↘", (False, True): "↖", (False, False): "↙"}[right, up]
    axes.text(
        0.985 if right else 0.015,
        0.98 if up else 0.02,
        f"better {arrow}" if right else f"{arrow} better",
        transform=axes.transAxes,
        ha="right" if right else "left",
        va="top" if up else "bottom",
        color=MUTED,
    )
