"""The tables of a study as CSV: every score, and the summary of configurations and metrics."""

from __future__ import annotations

import csv
from collections.abc import Collection
from io import StringIO
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
    file.write("configuration,seed,file,metric,value\n")
    # Python writes a float with all its digits; see `str.format` for the others.
    form = "" if digits is None else f".{digits}g"
    for run in study.runs:
        who = f"{cell(run.configuration)},{'' if run.seed is None else run.seed}"
        scores = {} if run.scores is None else dict(run.scores.items())
        # Not by csv.writer, which takes three times as long for millions of lines.
        places = [f"{who},{cell(name)}" for name in run.scores.index] if run.scores is not None else []
        told = [(key, places, column.tolist()) for key, column in scores.items()]
        told += [(key, [f"{who},{WHOLE_SET}"], [value]) for key, value in run.set_scores.items()]
        for key, names, values in told:
            if metrics is None or key in metrics:
                file.writelines(
                    f"{name},{key},{'' if value != value else format(value, form)}\n"
                    for name, value in zip(names, values, strict=True)
                )


def cell(text: str) -> str:
    """Return a text as a cell of CSV, quoted where it has to be."""
    csv.writer(line := StringIO(), lineterminator="").writerow([text])
    return line.getvalue()
