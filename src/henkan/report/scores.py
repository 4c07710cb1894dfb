"""The tables of a study as CSV: every score, and the summary of configurations and metrics."""

from __future__ import annotations

import csv
import math
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


def scores_table(study: Study) -> pd.DataFrame:
    """Return scores.csv: configuration, seed, file, metric, value; a set-level score's file is `(all)`."""
    columns = ["configuration", "seed", "file", "metric", "value"]
    parts = []
    for run in study.runs:
        if run.scores is not None:
            part = run.scores.rename_axis("file").reset_index().melt("file", var_name="metric")
            parts.append(part.assign(configuration=run.configuration, seed=run.seed))
        if run.set_scores:
            part = pd.DataFrame({"metric": list(run.set_scores), "value": list(run.set_scores.values())})
            parts.append(part.assign(file=WHOLE_SET, configuration=run.configuration, seed=run.seed))
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def write_scores(study: Study, file: TextIO) -> None:
    """Write what `scores_table` returns as CSV, run by run: of a thousand runs it would be larger than memory."""
    lines = csv.writer(file, lineterminator="\n")
    lines.writerow(["configuration", "seed", "file", "metric", "value"])
    for run in study.runs:
        who = (run.configuration, "" if run.seed is None else run.seed)
        scores = run.scores
        for key, column in () if scores is None else scores.items():
            values = [None if math.isnan(value) else value for value in column.tolist()]
            lines.writerows((*who, name, key, value) for name, value in zip(column.index, values, strict=True))
        lines.writerows((*who, WHOLE_SET, key, value) for key, value in run.set_scores.items())
