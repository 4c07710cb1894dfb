"""The tables of a study as CSV: every score, and the summary of configurations and metrics."""

from __future__ import annotations

import csv
import math
from collections.abc import Collection
from typing import TextIO

import pandas as pd

from henkan.report.comparisons import Comparison
from henkan.report.study import WHOLE_SET, Study


def summary_table(rows: list[Comparison]) -> pd.DataFrame:
    """Return summary.csv: a row a configuration and metric; empty cells where nothing is known yet."""
    return pd.DataFrame(
        [
            {
                "configuration": row.configuration,
                "metric": row.metric,
                "mean": row.value and row.value.mean,
                "low": row.value and row.value.low,
                "high": row.value and row.value.high,
                "n_seeds": row.seeds,
                "over": row.value and row.value.over,
                "baseline": row.baseline,
                "difference": row.difference and row.difference.mean,
                "difference_low": row.difference and row.difference.low,
                "difference_high": row.difference and row.difference.high,
                "difference_n_seeds": row.paired_seeds,
                "difference_over": row.difference and row.difference.over,
                "excludes_zero": row.difference and row.difference.excludes_zero,
                "target": row.target,
                "p": row.p,
                "p_corrected": row.corrected,
                "verdict": row.verdict,
            }
            for row in rows
        ]
    )


def write_scores(study: Study, file: TextIO, metrics: Collection[str] | None = None, digits: int | None = None) -> None:
    """Write scores.csv: configuration, seed, file, metric, value; a set-level score's file is `(all)`.

    Of these metrics alone where they are named, and rounded to so many significant digits. Run by run: the table of a
    thousand runs would be larger than memory.
    """
    lines = csv.writer(file, lineterminator="\n")
    lines.writerow(["configuration", "seed", "file", "metric", "value"])

    def told(value: float) -> float | str:
        return "" if math.isnan(value) else value if digits is None else f"{value:.{digits}g}"

    for run in study.runs:
        who = (run.configuration, "" if run.seed is None else run.seed)
        scores = {} if run.scores is None else dict(run.scores.items())
        for key, column in scores.items():
            if metrics is None or key in metrics:
                values = map(told, column.tolist())
                lines.writerows((*who, name, key, value) for name, value in zip(column.index, values, strict=True))
        for key, value in run.set_scores.items():
            if metrics is None or key in metrics:
                lines.writerow((*who, WHOLE_SET, key, told(value)))
