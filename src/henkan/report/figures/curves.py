"""The training curves: a small chart for each logged quantity."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from henkan.report import svg
from henkan.report.figures.chart import Chart, drawing, figure_of, titled, verbatim, written
from henkan.report.figures.palette import MUTED, colors, seed_words
from henkan.report.study import Study
from henkan.report.ticks import Plain, logarithmic
from henkan.report.words import metric
from henkan.runs.record import Start

# Past this many points a line on a chart 400 pixels wide shows noise, and hides the lines of the other runs.
POINTS = 80
# Of all lines of a chart together.
POINTS_A_CHART = 12_000
# More of them hide each other.
LINES = 200
GROUPS = {
    "along": "Scores along a setting of the degradation",
    "loss": "Loss terms",
    "gradient": "Gradient of each term at the generator's output",
    "discriminator": "The discriminator",
    "val": "Validation scores",
}


@dataclass(frozen=True)
class Log:
    """What a run, or those of a configuration, have logged, with where the run has started from."""

    configuration: str
    seeds: str
    prefix: Start | None
    table: pd.DataFrame = field(repr=False)


def curves(study: Study) -> list[Chart]:
    """Draw one small chart for each logged quantity: a thin line for each of `logs_of`, phases as vertical lines."""
    logs = logs_of(study)
    columns = dict.fromkeys(str(column) for log in logs for column in log.table.columns)
    order = list(GROUPS)
    found = []
    for column in columns:
        group, _, rest = column.partition("/")
        if group in GROUPS and rest and any(has_values(log.table, column) for log in logs):
            found.append((order.index(group), group, rest, column))
    boundaries = phase_starts([log.table for log in logs])
    charts = []
    with drawing():
        for _, group, rest, column in sorted(found, key=lambda item: item[0]):
            charts.append(curve(study, logs, group, rest, column, boundaries))
    return charts


def phase_starts(logs: list[pd.DataFrame]) -> dict[int, str]:
    """Return the iteration at which each phase but the first begins, with its name.

    Configurations without a discriminator skip its phase, so one iteration may begin two: both are named.
    """
    starts: dict[int, list[str]] = {}
    for log in logs:
        if "phase" not in log:
            continue
        first = log.dropna(subset=["phase"]).groupby("phase", sort=False)["iteration"].min().sort_values()
        for name, iteration in list(first.items())[1:]:
            names = starts.setdefault(int(iteration), [])
            if str(name) not in names:
                names.append(str(name))
    return {iteration: " / ".join(names) for iteration, names in sorted(starts.items())}


def curve(
    study: Study,
    logs: list[Log],
    group: str,
    rest: str,
    column: str,
    boundaries: dict[int, str],
) -> Chart:
    label = metric(rest).label if group == "val" else rest.replace("_", " ")
    palette = colors(study)
    starts = Counter(log.prefix["identity"] for log in logs if log.prefix)
    drawn: set[str] = set()
    points = max(6, min(POINTS, POINTS_A_CHART // max(1, len(logs))))
    figure, axes, height = figure_of(3.4, 1.8, study, seeds=False)
    for log in logs:
        if column not in log.table:
            continue
        x, y = log.table["iteration"].to_numpy(float), log.table[column].to_numpy(float)
        there = np.isfinite(x) & np.isfinite(y) & ((y > 0) | (group != "gradient"))
        x, y = x[there], y[there]
        if not len(x) or log.configuration not in palette:
            continue
        # In order of iteration.
        alone = int(np.searchsorted(x, shared(log, starts)))
        if log.prefix and alone and log.prefix["identity"] not in drawn:
            drawn.add(log.prefix["identity"])
            trace(axes, x[:alone], y[:alone], points, MUTED, f"shared, {log.seeds}")
        # From the last point that is shared, so that there is no gap.
        own, color = slice(max(0, alone - 1), None), palette[log.configuration][0]
        trace(axes, x[own], y[own], points, color, f"{log.configuration}, {log.seeds}")
    if group == "gradient":
        logarithmic(axes)
    if group == "discriminator" and rest.startswith("accuracy"):
        axes.set_ylim(-0.03, 1.03)
    # The same iterations in every chart, so that they can be read against each other.
    last = max((float(log.table["iteration"].max()) for log in logs), default=1.0)
    axes.set_xlim(-0.01 * last, 1.01 * last)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value / 1000:g}k" if value >= 1000 else f"{value:g}")
    )
    if group != "gradient":
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_formatter(Plain())
    for iteration in boundaries:
        axes.axvline(iteration, color=MUTED, lw=0.7, ls=(0, (3, 2)), zorder=1)
    # A name is as wide as it is high: of boundaries close together the names stand in one line.
    for iteration, name in together(boundaries, 0.035 * last).items():
        axes.annotate(
            verbatim(name),
            (iteration, 1),
            xycoords=axes.get_xaxis_transform(),
            xytext=(1.5, -1),
            textcoords="offset points",
            rotation=90,
            va="top",
            ha="left",
            fontsize=5.5,
            color=MUTED,
        )
    titled(figure, axes, f"{label} (log scale)" if group == "gradient" else label)
    name = re.sub(r"[^A-Za-z0-9]+", "_", column).strip("_")
    return Chart(name, label, group, *written(figure, study, name, height))


def together(boundaries: Mapping[int, str], close: float) -> dict[int, str]:
    """Return the names of boundaries, those within so many iterations of one before them under that one's."""
    found: dict[int, list[str]] = {}
    for iteration, name in sorted(boundaries.items()):
        first = next((start for start in found if iteration - start < close), iteration)
        names = found.setdefault(first, [])
        if name not in names:
            names.append(name)
    return {iteration: " / ".join(names) for iteration, names in found.items()}


def logs_of(study: Study) -> list[Log]:
    """Return what is drawn of training: every run's log, or of very many runs the means of each configuration's."""
    runs = [(run, run.curves) for run in study.runs if run.curves is not None]
    if not averaged(study):
        return [Log(run.configuration, seed_words(run.seed), run.record.get("prefix"), log) for run, log in runs]
    of: dict[str, list[pd.DataFrame]] = {}
    for run, log in runs:
        of.setdefault(run.configuration, []).append(log)
    names = sorted(of, key=lambda name: name in study.baselines)[:LINES]
    found = []
    for name in names:
        together = pd.concat(of[name]).groupby("iteration", as_index=False)
        mean = together.mean(numeric_only=True)
        if all("phase" in log for log in of[name]):
            mean.insert(1, "phase", together["phase"].first()["phase"])
        found.append(Log(name, "mean of its seeds" if len(of[name]) > 1 else "one seed", None, mean))
    return found


def averaged(study: Study) -> bool:
    """Whether runs are too many to draw a line for each."""
    return sum(run.curves is not None for run in study.runs) > LINES


def shared(log: Log, starts: Mapping[str, int]) -> int:
    """Return up to which iteration a run is that of others too; `starts` counts the runs from each prefix."""
    return log.prefix["iteration"] if log.prefix and starts[log.prefix["identity"]] > 1 else 0


def trace(axes: Axes, x: np.ndarray, y: np.ndarray, points: int, color: str, label: str) -> None:
    x, y = thinned(x, y, points)
    (drawn,) = axes.plot(x, y, color=color, lw=0.9, alpha=0.8, marker="o" if len(x) < 3 else "", ms=2.5)
    svg.trace(drawn, label)


def thinned(x: np.ndarray, y: np.ndarray, points: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """Average a line over equal bins of its points where it has more than `points`; the ends of x stay."""
    if len(x) <= points:
        return x, y
    edges = np.linspace(0, len(x), points + 1).astype(int)
    widths = np.diff(edges)
    binned = np.add.reduceat(x, edges[:-1]) / widths, np.add.reduceat(y, edges[:-1]) / widths
    binned[0][0], binned[0][-1] = x[0], x[-1]
    return binned


def has_values(log: pd.DataFrame, column: str) -> bool:
    return column in log and bool(log[column].notna().any())
