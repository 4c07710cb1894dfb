"""Scores as the page's tables show them: by configuration and metric, and by the share of a picture that is missing."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from henkan.report import words
from henkan.report.answer import SYMBOLS, digits_of, interval_words
from henkan.report.comparisons import Comparison
from henkan.report.statistics import OVER_IMAGES, WITHOUT_SEEDS
from henkan.report.study import Study


@dataclass(frozen=True)
class Column:
    """A metric as a column of the table."""

    key: str
    metric: words.Metric
    better: str | None
    headline: bool

    @classmethod
    def of(cls, study: Study, key: str) -> Column:
        closer = f"closer to {study.targets[key]:g}" if key in study.targets else None
        return cls(key, words.metric(key), study.directions.get(key) or closer, key in study.headline)


@dataclass(frozen=True)
class ScoreCell:
    """One configuration in one metric, as it is shown; `value` is what it is sorted by."""

    value: float | None
    mean: str
    span: str
    scope: str
    verdict: str | None
    symbol: str | None
    change: str | None
    change_span: str
    doubt: str


@dataclass(frozen=True)
class ScoreRow:
    configuration: str
    baseline: str | None
    cells: dict[str, ScoreCell]


@dataclass(frozen=True)
class AreaRow:
    """The means of the configurations over pictures with holes of one size; a dash where there is none."""

    area: str
    pictures: int
    means: list[str]


def score_rows(study: Study, rows: list[Comparison]) -> list[ScoreRow]:
    """Return the table of scores, a row a configuration and a cell a metric, formatted."""
    digits = digits_of(rows)
    found: dict[str, dict[str, ScoreCell]] = {name: {} for name in study.configurations}
    for row in rows:
        change, places = row.difference, digits[row.metric]
        found[row.configuration][row.metric] = ScoreCell(
            value=None if row.value is None else row.value.mean,
            mean=words.number(None if row.value is None else row.value.mean, places),
            span=interval_words(row.value, places),
            scope=scope(study, row),
            verdict=row.verdict,
            symbol=row.verdict and SYMBOLS[row.verdict],
            change=None if change is None else words.number(change.mean, places, signed=True),
            change_span=interval_words(change, places, signed=True),
            doubt=row.doubt,
        )
    return [ScoreRow(name, study.baselines.get(name), cells) for name, cells in found.items()]


def area_rows(study: Study, key: str) -> list[AreaRow]:
    """Return the means of one metric by area, each over the runs of a configuration."""
    tables = [
        run.areas.set_index("area")[["pictures", key]].assign(configuration=run.configuration)
        for run in study.runs
        if run.areas is not None and key in run.areas
    ]
    if not tables:
        return []
    table = pd.concat(tables).reset_index()
    means = table.pivot_table(key, "area", "configuration", "mean", sort=False)
    pictures = {str(area): int(count) for area, count in table.groupby("area")["pictures"].max().items()}
    digits = 1 if means.abs().max().max() >= 10 else 3
    return [
        AreaRow(
            str(area),
            pictures[str(area)],
            [words.number(row.get(name), digits) if name in row else "–" for name in study.configurations],
        )
        for area, row in sorted(means.iterrows(), key=lambda pair: float(str(pair[0]).partition("-")[0]))
    ]


def scope(study: Study, row: Comparison) -> str:
    """Return what a cell's intervals cover where that is not every seed of the study."""
    if row.value is None or (row.seeds == len(study.seeds) > 1 and row.value.low is not None):
        return ""
    if row.value.over == WITHOUT_SEEDS:
        return "no seeds; over pictures" if row.value.low is not None else "no seeds, no interval"
    if row.value.low is None:
        return "1 seed, no interval" if row.seeds == 1 else f"{row.seeds} seeds agree, no interval"
    return "over pictures, 1 seed" if row.value.over == OVER_IMAGES else f"{row.seeds} of {len(study.seeds)} seeds"
