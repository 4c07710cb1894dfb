"""The charts, each one SVG: readable alone, and recolored by the page's light or dark theme when inlined.

Figures are built on `matplotlib.figure.Figure`, so no state is shared with a caller's pyplot.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from henkan.report import svg
from henkan.report.along import Line, by_variant, lines, over_axis, plot
from henkan.report.front import front
from henkan.report.statistics import seed_means
from henkan.report.study import Study
from henkan.report.ticks import Plain, logarithmic, width_of
from henkan.report.words import metric
from henkan.runs.record import Start

INK, MUTED, GRID = "#1f2328", "#656d76", "#d8dee4"
# Okabe and Ito's palette, which survives color blindness, and then whatever is farthest in CIEDE2000 from all before it
# and still told from the paper; gray is kept for baselines. (light, dark)
BASELINE = ("#6e7681", "#9aa4af")
PALETTE = [
    ("#0072b2", "#56a8e0"),
    ("#d55e00", "#ff8a3d"),
    ("#009e73", "#35c79d"),
    ("#b0568f", "#e39bc8"),
    ("#a87b00", "#e6b83c"),
    ("#5b4bc4", "#a79cff"),
    ("#ff1849", "#ff0049"),
    ("#799e00", "#aaff00"),
    ("#499eaa", "#9ef3ff"),
    ("#6d0c0c", "#aa6d79"),
    ("#b66dff", "#db00e7"),
    ("#243d00", "#6d9200"),
    ("#926155", "#ffc2b6"),
    ("#005555", "#009292"),
    ("#552449", "#ff3d9e"),
    ("#007900", "#cedbaa"),
    ("#613d00", "#927955"),
    ("#003d61", "#009255"),
]
# The colors of the page's style, by what they are on light.
THEME = {
    INK: "--ink", MUTED: "--muted", GRID: "--grid", BASELINE[0]: "--base",
    **{light: f"--p{place}" for place, (light, _) in enumerate(PALETTE)},
}  # fmt: skip
# Points.
LEGEND = 7
TITLE = 8.5
MARKERS = "os^DvPX*<>"
# Of what is the same for every seed.
WITHOUT_SEED = "h"
FRONT: dict[str, Any] = {"color": MUTED, "lw": 0.9, "ls": (0, (1, 1.5)), "zorder": 1.5}
# Past this many points a line on a chart 400 pixels wide shows noise, and hides the lines of the other runs.
POINTS = 80
# Of all lines of a chart together.
POINTS_A_CHART = 12_000
# More of them hide each other.
LINES = 200
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "henkan",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8,
    # The page tells the points that were drawn.
    "path.simplify": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.solid_capstyle": "round",
}
GROUPS = {
    "along": "Scores along a setting of the degradation",
    "loss": "Loss terms",
    "gradient": "Gradient of each term at the generator's output",
    "discriminator": "The discriminator",
    "val": "Validation scores",
}


@dataclass(frozen=True)
class Chart:
    """A drawn figure: `svg` stands alone, with its legend; `inline` goes into the page, without."""

    name: str
    title: str
    group: str
    svg: str
    inline: str


@dataclass(frozen=True)
class Log:
    """What a run, or those of a configuration, have logged, with where the run has started from."""

    configuration: str
    seeds: str
    prefix: Start | None
    table: pd.DataFrame = field(repr=False)


def colors(study: Study) -> dict[str, tuple[str, str]]:
    """Return each configuration's color, (on light, on dark)."""
    others = [name for name in study.configurations if name in study.baselines]
    found = {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(others)}
    return {name: found.get(name, BASELINE) for name in study.configurations}


def variables(study: Study) -> dict[str, str]:
    """Return what each configuration's color is called in the page's style."""
    return {name: THEME[color] for name, (color, _) in colors(study).items()}


def markers(study: Study) -> dict[int | None, str]:
    """Return each seed's marker, and under None that of runs without a seed, if there are any."""
    found: dict[int | None, str] = {seed: MARKERS[i % len(MARKERS)] for i, seed in enumerate(study.seeds)}
    return found | {None: WITHOUT_SEED} if any(run.seed is None for run in study.runs) else found


def seed_words(seed: int | None) -> str:
    return "no seeds" if seed is None else f"seed {seed}"


@contextmanager
def drawing() -> Iterator[None]:
    """Draw in the report's style, and leave no trace of it afterwards."""
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        # In SVG the reader's browser draws the letters, and it has those that matplotlib's font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


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
        figure, axes, height = _figure(3.7, 3.3, study, seeds=True, extra=extra)
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
        _bound(axes, study, x_key)
        _better_corner(axes, study.directions.get(x_key), study.directions.get(y_key))
        raster = BytesIO()
        figure.savefig(raster, format="png", dpi=200, facecolor="white")
        title = "Perception and distortion"
        return Chart("plane", title, "plane", *written(figure, study, "plane", height)), raster.getvalue()


def curves(study: Study) -> list[Chart]:
    """Draw one small chart for each logged quantity: a thin line for each of `logs_of`, phases as vertical lines."""
    logs = logs_of(study)
    columns = dict.fromkeys(str(column) for log in logs for column in log.table.columns)
    order = list(GROUPS)
    found = []
    for column in columns:
        group, _, rest = column.partition("/")
        if group in GROUPS and rest and any(_has_values(log.table, column) for log in logs):
            found.append((order.index(group), group, rest, column))
    boundaries = phase_starts([log.table for log in logs])
    charts = []
    with drawing():
        for _, group, rest, column in sorted(found, key=lambda item: item[0]):
            charts.append(_curve(study, logs, group, rest, column, boundaries))
    return charts


def lines_along(study: Study) -> dict[str, list[Line]]:
    """Return headline metric -> each configuration's scores along a setting, where they were taken."""
    return lines({name: list(seeds.values()) for name, seeds in tables_along(study).items()}, study.headline)


def tables_along(study: Study) -> dict[str, dict[int | None, pd.DataFrame]]:
    """Return configuration -> seed -> scores along a setting, where they were taken."""
    return {
        name: {run.seed: run.along for run in study.of(name) if run.along is not None} for name in study.configurations
    }


def along(study: Study) -> list[Chart]:
    """Draw a chart for each headline metric scored along a setting: a line a configuration, a band its seeds."""
    palette = {name: color for name, (color, _) in colors(study).items()}
    charts = []
    with drawing():
        for key, found in lines_along(study).items():
            figure, axes, height = _figure(3.4, 2.2, study, seeds=False, below=0.75 if in_words(found) else 0.42)
            plot(axes, key, found, palette)
            titled(figure, axes, metric(key).label)
            name = f"along_{key}"
            charts.append(Chart(name, metric(key).label, "along", *written(figure, study, name, height)))
    return charts


def over(study: Study) -> list[Chart]:
    """Draw a chart for each headline metric over the study's axis of numbers, with its own legend of the variants."""
    charts = []
    with drawing():
        for key, found in over_axis(study).items():
            figure, axes, _ = _figure(3.4, 2.2, study, seeds=False, legend=False, below=0.42)
            plot(axes, key, found, variant_colors(study))
            titled(figure, axes, metric(key).label)
            axes.legend(fontsize=6.5, frameon=False)
            name = f"over_{key}"
            charts.append(Chart(name, metric(key).label, "axis", *written(figure, study, name, 1.0)))
    return charts


def variant_colors(study: Study) -> dict[str, str]:
    """Return each variant's color: that of the first of its configurations that is compared with another."""
    palette = colors(study)
    return {
        variant: palette[next((name for name in own if name in study.baselines), own[0])][0]
        for variant, own in by_variant(study).items()
    }


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


def _curve(
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
    figure, axes, height = _figure(3.4, 1.8, study, seeds=False)
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
            _trace(axes, x[:alone], y[:alone], points, MUTED, f"shared, {log.seeds}")
        # From the last point that is shared, so that there is no gap.
        own, color = slice(max(0, alone - 1), None), palette[log.configuration][0]
        _trace(axes, x[own], y[own], points, color, f"{log.configuration}, {log.seeds}")
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


def _trace(axes: Axes, x: np.ndarray, y: np.ndarray, points: int, color: str, label: str) -> None:
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


def titled(figure: Figure, axes: Axes, text: str) -> None:
    """Write a chart's title above its axes, from the left edge on, as small as it must be to fit."""
    across = 72 * figure.get_size_inches()[0]
    # Letters drawn for a screen are a little wider than they are measured.
    room, size = 0.94 * across - 8, TITLE
    while size > 5.5 and width_of(text, size, "bold") > room:
        size -= 0.5
    while width_of(text, size, "bold") > room:
        text = f"{text.rstrip('…')[:-1]}…"
    box = axes.get_position()
    wide = width_of(text, size, "bold") > 0.94 * (1 - box.x0) * across - 4
    place = (6 / across - box.x0) / box.width if wide else 0.0
    axes.set_title(verbatim(text), x=place, loc="left", fontsize=size, weight="bold")


def in_words(found: list[Line]) -> bool:
    """Whether the values of a setting are words, which are written aslant."""
    return any(isinstance(value, str) for line in found for value in line.values)


def verbatim(text: str) -> str:
    """Return a text that matplotlib draws as it is, without reading formulas into it."""
    return text.replace("$", r"\$")


def _has_values(log: pd.DataFrame, column: str) -> bool:
    return column in log and bool(log[column].notna().any())


def _legend(study: Study, seeds: bool) -> list[Line2D]:
    handles = [Line2D([], [], color=color, lw=3, label=name) for name, (color, _) in colors(study).items()]
    if seeds:
        shapes = markers(study).items()
        handles += [
            Line2D([], [], ls="", marker=shape, color=MUTED, ms=5, label=seed_words(seed)) for seed, shape in shapes
        ]
        handles.append(
            Line2D([], [], ls="", marker="o", mfc="none", mec=MUTED, mew=1.5, ms=9, label="mean of the seeds")
        )
    return handles


def wide(text: str) -> float:
    """Return how wide a text is in a legend, in points."""
    return width_of(text, LEGEND)


def broken(text: str, room: float, measure: Callable[[str], float] = wide) -> str:
    """Return a text with as many breaks as let each line fit into `room`: between words, and within those too wide."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if measure(longer) <= room:
            lines[-1] = longer
            continue
        lines += [""] if lines[-1] else []
        for letter in word:
            if lines[-1] and measure(lines[-1] + letter) > room:
                lines.append("")
            lines[-1] += letter
    return "\n".join(lines)


def _columns(labels: list[str], width: float) -> tuple[list[str], int, int]:
    """Return a legend's labels with their breaks, in how many columns it is lowest, and how many lines that takes.

    `width` is in points. No word is broken but in a single column.
    """
    # The handle and its gap before each label, the gap between columns, the margins on both sides; letters drawn for a
    # screen are a little wider than they are measured.
    handle, gap, margins = 2.8 * LEGEND, 2 * LEGEND, 1.8 * LEGEND
    longest = max(wide(word) for label in labels for word in label.split(" "))
    found = []
    for columns in (1, 2, 3):
        room = 0.95 * ((width - margins - (columns - 1) * gap) / columns - handle)
        if columns > 1 and longest > room:
            break
        told = [broken(label, room) for label in labels]
        long = -(-len(told) // columns)
        lines = [sum(1 + label.count("\n") for label in told[at : at + long]) for at in range(0, len(told), long)]
        found.append((max(lines), columns, told))
    rows, columns, told = min(found, key=lambda one: one[:2])
    return told, columns, rows


def _figure(
    width: float,
    height: float,
    study: Study,
    seeds: bool,
    legend: bool = True,
    below: float = 0.26,
    extra: Sequence[Line2D] = (),
) -> tuple[Figure, Axes, float]:
    """Return a figure, its axes, and which part of its height stands above the legend; `below` is for the axis of x.

    Sizes and margins are in inches, and fixed, so that small charts line up. The legend is as low as it can be.
    """
    handles = [*_legend(study, seeds), *extra]
    labels, columns, rows = _columns([str(entry.get_label()) for entry in handles], 72 * width)
    for entry, label in zip(handles, labels, strict=True):
        entry.set_label(verbatim(label))
    strip = 0.15 * rows + 0.15 if legend else 0.1
    total = height + strip
    figure = Figure(figsize=(width, total))
    figure.patch.set_alpha(0)
    left, right, top, bottom = 0.62, 0.1, *((0.1, 0.58) if seeds else (0.26, below))
    left += 0.2 if seeds else 0
    axes = figure.add_axes(
        (left / width, (strip + bottom) / total, 1 - (left + right) / width, (height - top - bottom) / total)
    )
    axes.patch.set_alpha(0)
    if legend:
        drawn = figure.legend(handles=handles, loc="lower left", ncols=columns, frameon=False, fontsize=LEGEND)
        drawn.set_gid(svg.LEGEND)
    return figure, axes, height / total


def _bound(axes: Axes, study: Study, key: str) -> None:
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


def _better_corner(axes: Axes, x: str | None, y: str | None) -> None:
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


def prefixed(chart: Chart, prefix: str) -> Chart:
    """Return a chart whose name and ids begin with `prefix`, for a page that has several of its name."""
    inline = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}-", chart.inline)
    return replace(chart, name=f"{prefix}_{chart.name}", inline=inline)


def written(figure: Figure, study: Study, name: str, kept: float) -> tuple[str, str]:
    """Return a figure as `Chart` has it: by itself, and for the page."""
    used = {color for color, _ in colors(study).values()} | {INK, MUTED, GRID}
    return svg.written(figure, name, kept, {color: variable for color, variable in THEME.items() if color in used})
