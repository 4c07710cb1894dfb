"""The numbers of a study: every configuration against its baseline, as rows, tables and one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from io import StringIO
from typing import Literal

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from henkan.report.read import WHOLE_SET, Study
from henkan.report.statistics import Interval, count_seeds, finite, paired_difference, summarize
from henkan.report.words import decimals, listed, metric, number, plural

Verdict = Literal["better", "worse", "higher", "lower", "unclear"]
SYMBOLS: dict[Verdict, str] = {"better": "▲", "worse": "▼", "higher": "↑", "lower": "↓", "unclear": "≈"}
STYLES: dict[Verdict, str] = {
    "better": "green",
    "worse": "red",
    "higher": "bold",
    "lower": "bold",
    "unclear": "dim",
}


@dataclass(frozen=True)
class Comparison:
    """One configuration in one metric: its mean, and its paired difference against the baseline.

    `seeds` and `paired_seeds` count the seeds behind the two, none where nothing was trained; `missing`
    counts scores that are no numbers.
    """

    configuration: str
    metric: str
    baseline: str | None
    value: Interval | None
    difference: Interval | None
    seeds: int
    paired_seeds: int
    missing: int
    direction: str | None

    @property
    def verdict(self) -> Verdict | None:
        """What the difference says where its interval excludes zero; None without runs to pair.

        A difference without an interval (a set-level metric after one seed) is unclear.
        """
        if self.difference is None:
            return None
        if not self.difference.excludes_zero:
            return "unclear"
        side: Literal["higher", "lower"] = "higher" if self.difference.mean > 0 else "lower"
        if self.direction is None:
            return side
        return "better" if side == self.direction else "worse"


def compare(study: Study) -> list[Comparison]:
    """Return one row for each metric and configuration, in the order in which the report shows them."""
    rows = []
    for key in study.metrics:
        for configuration in study.configurations:
            scores = study.scores(configuration, key)
            baseline = study.baselines.get(configuration)
            paired = {} if baseline is None else paired_difference(scores, study.scores(baseline, key))
            rows.append(
                Comparison(
                    configuration=configuration,
                    metric=key,
                    baseline=baseline,
                    value=summarize(scores),
                    difference=summarize(paired),
                    seeds=count_seeds(scores),
                    paired_seeds=count_seeds(paired),
                    missing=sum(len(values) - len(finite(values)) for values in scores.values()),
                    direction=study.directions.get(key),
                )
            )
    return rows


def digits_of(rows: list[Comparison]) -> dict[str, int]:
    """Return the decimals that each metric is shown with, the same in all its cells."""
    found: dict[str, list[Interval | None]] = {}
    for row in rows:
        found.setdefault(row.metric, []).extend([row.value, row.difference])
    return {key: decimals(intervals) for key, intervals in found.items()}


@dataclass(frozen=True)
class Answer:
    """One sentence: where it speaks from, and a clause for each configuration. `str()` is the sentence."""

    lead: str
    clauses: dict[str, str]

    def __str__(self) -> str:
        clauses = "; ".join(f"{configuration} {clause}" for configuration, clause in self.clauses.items())
        return f"{self.lead}: {clauses}." if clauses else f"{self.lead}."


def answer(study: Study, rows: list[Comparison]) -> Answer:
    """Say in which headline metrics the paired difference excludes zero, and in which direction."""
    digits = digits_of(rows)
    told = {}
    for configuration in study.baselines:
        found = [row for row in rows if row.configuration == configuration and row.metric in study.headline]
        if found := [row for row in found if row.difference is not None]:
            told[configuration] = found
    if not told:
        return Answer("No answer yet: no configuration and its baseline have both finished with the same seed", {})

    baselines = {study.baselines[configuration] for configuration in told}
    everything = [row for found in told.values() for row in found]
    seeds = max(row.paired_seeds for row in everything)
    if seeds == 0:
        lead = "On these pictures, with nothing trained and so no seeds"
    elif seeds == 1:
        lead = "With one seed so far, which cannot speak for others"
    elif seeds < len(study.seeds):
        lead = f"Over {seeds} of {plural(len(study.seeds), 'seed')}"
    else:
        lead = f"Over {plural(seeds, 'seed')}"
    if len(baselines) == 1:
        lead += f", against {baselines.pop()}"
        against = dict.fromkeys(told, "")
    else:
        against = {name: f"against {study.baselines[name]} " for name in told}
    clauses = {}
    for name, found in told.items():
        own = max(row.paired_seeds for row in found)
        fewer = "" if own == seeds else f"(over {plural(own, 'seed')} only) " if own else "(no seeds) "
        clauses[name] = f"{against[name]}{fewer}is {_findings(found, digits)}"
    return Answer(lead, clauses)


def _findings(rows: list[Comparison], digits: dict[str, int]) -> str:
    """Return `worse in PSNR (-0.93 dB), better in LPIPS (-0.021) and not clearly different in SSIM`."""
    phrases = []
    for verdict in SYMBOLS:
        words = []
        for row in rows:
            if row.verdict != verdict or row.difference is None:
                continue
            what = metric(row.metric)
            amount = f"{number(row.difference.mean, digits[row.metric], signed=True)} {what.unit}".strip()
            words.append(what.label if verdict == "unclear" else f"{what.label} ({amount})")
        if words:
            phrases.append(f"{'not clearly different' if verdict == 'unclear' else verdict} in {listed(words)}")
    return listed(phrases)


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


def pictures_of(study: Study) -> str:
    """Return of how many pictures the scores of a study's runs are: `200 pictures`, or where runs differ `4 to 6`."""
    counts = sorted({len(run.scores) for run in study.runs if run.scores is not None})
    if len(counts) > 1:
        return f"{counts[0]:,} to {counts[-1]:,} pictures"
    return plural(counts[0] if counts else 0, "picture")


def interval_words(interval: Interval | None, digits: int, signed: bool = False) -> str:
    """Return `11.94 to 12.12`, or nothing where there is no interval."""
    if interval is None or interval.low is None:
        return ""
    return f"{number(interval.low, digits, signed)} to {number(interval.high, digits, signed)}"


def terminal_table(study: Study, rows: list[Comparison], width: int, color: bool, title: str = "") -> str:
    """Return the headline metrics as a table for the terminal, and the sentence under it."""
    digits = digits_of(rows)
    if not study.metrics:
        return str(answer(study, rows))
    headline = study.headline or study.metrics[:3]
    where = f" on {title}" if title else ""
    grid = Table(title=f"{study.name}: test scores{where}, {pictures_of(study)}", title_justify="left", show_lines=True)
    grid.add_column("configuration", overflow="fold")
    for key in headline:
        arrow = {"higher": " ↑", "lower": " ↓", None: ""}[study.directions.get(key)]
        grid.add_column(Text(f"{metric(key).label}{arrow}"), justify="right")
    by_place = {(row.configuration, row.metric): row for row in rows}
    for configuration in study.configurations:
        cells = []
        for key in headline:
            row = by_place[configuration, key]
            cell = Text("–" if row.value is None else number(row.value.mean, digits[key]), style="bold")
            if span := interval_words(row.value, digits[key]):
                cell.append(f"\n{span}", style="not bold dim")
            if row.difference is not None and row.verdict is not None:
                change = number(row.difference.mean, digits[key], signed=True)
                cell.append(f"\n{SYMBOLS[row.verdict]} {change}", style=f"not bold {STYLES[row.verdict]}")
                if span := interval_words(row.difference, digits[key], signed=True):
                    cell.append(f"\n{span}", style="not bold dim")
            cells.append(cell)
        grid.add_row(Text(configuration), *cells)
    console = Console(file=StringIO(), width=width, force_terminal=color, color_system="standard" if color else None)
    with console.capture() as captured:
        console.print(grid)
        console.print(Text(str(answer(study, rows))))
    return captured.get().rstrip()
