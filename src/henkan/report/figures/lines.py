"""Scores along a setting of the degradation: how many hints buy how many decibels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from henkan.files import replaced
from henkan.report import svg
from henkan.report.figures.palette import MUTED
from henkan.report.run import read_table
from henkan.report.statistics import seed_means
from henkan.report.study import Study
from henkan.report.ticks import Plain, plain, spread
from henkan.report.words import metric


@dataclass(frozen=True)
class Line:
    """A configuration's mean score at each value of a setting, a number or a word, and its lowest and highest seed."""

    name: str
    setting: str
    values: Sequence[float | str]
    mean: list[float]
    low: list[float]
    high: list[float]


def lines(tables: Mapping[str, Sequence[pd.DataFrame]], metrics: Sequence[str]) -> dict[str, list[Line]]:
    """Return metric -> a line for each configuration that has scored it, from its seeds' tables (`evaluate.along`)."""
    found: dict[str, list[Line]] = {}
    for key in metrics:
        for name, seeds in tables.items():
            scored = [table for table in seeds if key in table]
            if not scored:
                continue
            setting = str(scored[0].columns[0])
            means = pd.concat([along(table)[key] for table in scored], axis=1)
            values = [value if isinstance(value, str) else float(value) for value in means.index]
            mean, low, high = (getattr(means, how)(axis=1).tolist() for how in ("mean", "min", "max"))
            found.setdefault(key, []).append(Line(name, setting, values, mean, low, high))
    return found


def means(tables: Mapping[str, Mapping[int | None, pd.DataFrame]]) -> pd.DataFrame:
    """Return configuration -> seed -> table (`evaluate.along`) as one: a row for each of them at each value, with means
    over the pictures."""
    parts = []
    for name, seeds in tables.items():
        for seed, scores in seeds.items():
            mean = along(scores).reset_index()
            mean.insert(0, "configuration", name)
            # A method that learns nothing has no seed.
            mean.insert(1, "seed", "" if seed is None else str(seed))
            parts.append(mean)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def along(table: pd.DataFrame) -> pd.DataFrame:
    """Return the means of a table (`evaluate.along`) at each value of its setting.

    Numbers rise, words stand as they were asked for.
    """
    setting = str(table.columns[0])
    return table.groupby(setting, sort=pd.api.types.is_numeric_dtype(table[setting])).mean(numeric_only=True)


def plot(axes: Axes, key: str, found: Sequence[Line], colors: Mapping[str, str] | None = None) -> None:
    """Draw one metric's lines, a band from the lowest to the highest seed; wide ranges of values are logarithmic.

    What has no values is level, and dashed. Nothing lies between words: they have points and bars.
    """
    setting = found[0].setting
    level, found = [line for line in found if not line.values], [line for line in found if line.values]
    words = any(isinstance(value, str) for line in found for value in line.values)
    for line in level:
        gray = MUTED if colors is None else colors.get(line.name, MUTED)
        axes.axhline(line.mean[0], color=gray, lw=1, ls="--", label=line.name)
        axes.axhspan(line.low[0], line.high[0], color=gray, alpha=0.15, lw=0)
    for line in found:
        color = None if colors is None else colors.get(line.name)
        style = "o" if words else "o-"
        (drawn,) = axes.plot(line.values, line.mean, style, ms=2.5, lw=1, color=color)
        if line.name:
            svg.trace(drawn, line.name)
        if np.allclose(line.low, line.high, equal_nan=True):
            continue
        if words:
            axes.vlines(line.values, line.low, line.high, color=drawn.get_color(), lw=1)
        else:
            axes.fill_between(line.values, line.low, line.high, color=drawn.get_color(), alpha=0.2, lw=0)
    if words:
        axes.tick_params("x", labelrotation=30)
    values = sorted({value for line in found for value in line.values if not isinstance(value, str) and value > 0})
    if values and values[-1] >= 20 * values[0]:
        # Zero has a place too.
        axes.set_xscale("symlog", linthresh=values[0])
        shown = [0.0, *values] if any(0 in line.values for line in found) else values
        spread(axes, shown, [plain(value) for value in shown])
    elif not words:
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.xaxis.set_major_formatter(Plain())
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(Plain())
    axes.set_title(metric(key).label, loc="left", fontsize=8.5, weight="bold")
    axes.set_xlabel(setting, labelpad=1)


def over_axis(study: Study) -> dict[str, list[Line]]:
    """Return headline metric -> each variant's mean over its seeds at each value of the study's axis of numbers.

    A variant that does not depend on the axis has one score and no value: it is the same everywhere.
    """
    found: dict[str, list[Line]] = {}
    axis = study.axis
    if axis is None:
        return found
    for key in study.headline:
        for variant, own in by_variant(study).items():
            scored = {name: seed_means(study.scores(name, key)) for name in own}
            points = {name: list(means.values()) for name, means in scored.items() if means}
            if points:
                values = [axis.values[name] for name in points if name in axis.values]
                mean = [float(np.mean(scores)) for scores in points.values()]
                low, high = ([float(end(scores)) for scores in points.values()] for end in (min, max))
                found.setdefault(key, []).append(Line(variant, axis.key, values, mean, low, high))
    return found


def by_variant(study: Study) -> dict[str, list[str]]:
    """Return variant -> its configurations, by their values on the axis of numbers."""
    found: dict[str, list[str]] = {}
    for name, node in study.configurations.items():
        found.setdefault(str(node.get("variant", name)), []).append(name)
    places = {} if study.axis is None else study.axis.values
    return {variant: sorted(own, key=lambda name: places.get(name, 0.0)) for variant, own in found.items()}


def axis_means(study: Study) -> pd.DataFrame:
    """Return what `over_axis` draws, seed by seed: variant, seed, value and the mean of each headline metric."""
    rows: list[dict[str, object]] = []
    axis = study.axis
    if axis is None:
        return pd.DataFrame(rows)
    for variant, own in by_variant(study).items():
        for name in own:
            scores = {key: seed_means(study.scores(name, key)) for key in study.headline}
            for seed in dict.fromkeys(seed for means in scores.values() for seed in means):
                # A method that learns nothing has no seed, one that the axis does not change no value.
                place = {"seed": "" if seed is None else str(seed), axis.key: axis.values.get(name)}
                means = {key: found.get(seed) for key, found in scores.items()}
                rows.append({"configuration": variant, **place, **means})
    return pd.DataFrame(rows)


def draw(found: Mapping[str, Sequence[Line]], colors: Mapping[str, str] | None = None) -> Figure:
    """Draw every metric's lines, side by side, and under them who is who."""
    figure = Figure(figsize=(3.4 * max(1, len(found)), 2.6), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (key, own) in zip(np.atleast_1d(figure.subplots(1, max(1, len(found)))), found.items(), strict=False):
        plot(axes, key, own, colors)
    if found and any(line.name for own in found.values() for line in own):
        entries = [zip(*axes.get_legend_handles_labels(), strict=True) for axes in figure.axes]
        handles = {str(label): handle for own in entries for handle, label in own}
        figure.legend(handles.values(), handles.keys(), loc="outside lower left", ncols=2, fontsize=7, frameon=False)
    return figure


def draw_curve(folder: Path) -> None:
    """Draw `curve.png` of a run's `curve.csv`, where `evaluation.curve` asked for one."""
    path = folder / "curve.csv"
    if path.is_file() and not path.with_suffix(".png").is_file():
        table = read_table(path)
        if table is None:
            return
        with replaced(path.with_suffix(".png")) as partial:
            draw(lines({"": [table]}, list(table.columns[2:]))).savefig(partial, format="png", dpi=120)
