"""Scores over a number: a setting of the degradation, or the study's axis of numbers."""

from __future__ import annotations

import pandas as pd

from henkan.report.figures.chart import Chart, drawing, figure_of, titled, written
from henkan.report.figures.lines import Line, by_variant, lines, over_axis, plot
from henkan.report.figures.palette import colors
from henkan.report.study import Study
from henkan.report.words import metric


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
            figure, axes, height = figure_of(3.4, 2.2, study, seeds=False, below=0.75 if in_words(found) else 0.42)
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
            figure, axes, _ = figure_of(3.4, 2.2, study, seeds=False, legend=False, below=0.42)
            plot(axes, key, found, variant_colors(study))
            titled(figure, axes, metric(key).label)
            axes.legend(fontsize=6.5, frameon=False)
            name = f"over_{key}"
            charts.append(Chart(name, metric(key).label, "axis", *written(figure, study, name, 1.0)))
    return charts


def in_words(found: list[Line]) -> bool:
    """Whether the values of a setting are words, which are written aslant."""
    return any(isinstance(value, str) for line in found for value in line.values)


def variant_colors(study: Study) -> dict[str, str]:
    """Return each variant's color: that of the first of its configurations that is compared with another."""
    palette = colors(study)
    return {
        variant: palette[next((name for name in own if name in study.baselines), own[0])][0]
        for variant, own in by_variant(study).items()
    }
