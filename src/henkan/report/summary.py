"""The numbers of a study: every configuration against its baseline, as rows, tables and one sentence."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Literal, TextIO

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from henkan.report.statistics import (
    Interval,
    Scores,
    count_seeds,
    detectable,
    finite,
    holm,
    paired_difference,
    paired_distance,
    pairs,
    pooled_deviation,
    seed_means,
    significance,
    summarize,
)
from henkan.report.study import WHOLE_SET, Study
from henkan.report.words import decimals, in_words, listed, metric, number, plural

Verdict = Literal["better", "worse", "closer", "farther", "higher", "lower", "unclear", "equal"]
SYMBOLS: dict[Verdict, str] = {
    "better": "▲",
    "worse": "▼",
    "closer": "▲",
    "farther": "▼",
    "higher": "↑",
    "lower": "↓",
    "unclear": "≈",
    "equal": "=",
}
STYLES: dict[Verdict, str] = {
    "better": "green",
    "worse": "red",
    "closer": "green",
    "farther": "red",
    "higher": "bold",
    "lower": "bold",
    "unclear": "dim",
    "equal": "dim",
}
LEVEL = 0.95


@dataclass(frozen=True)
class Comparison:
    """One configuration in one metric: its mean, and its paired difference against the baseline.

    `seeds` and `paired_seeds` count the seeds behind the two, none where nothing was trained; `missing`
    counts scores that are no numbers. `p` is that of the difference by itself, `corrected` after Holm over its family
    (see `compare`), None outside of it. Two seeds that agree better than those of other configurations are `lucky`: the
    scatter of these is believed, not theirs. `equal` are configurations without any difference in any picture.

    Of a metric with a `target` the verdict and `p` are about `distance`, how much farther from the target than the
    baseline it is, and `meeting` are the means of the baseline and its own that are compared.
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
    p: float | None = None
    corrected: float | None = None
    lucky: bool = False
    equal: bool = False
    target: float | None = None
    distance: Interval | None = None
    meeting: tuple[float, float] | None = None

    @property
    def verdict(self) -> Verdict | None:
        """What the difference says where it is one after correction; None without runs to pair.

        A difference without an interval (a set-level metric after one seed, equal seeds) is unclear. Outside of the
        family there is no correction: it says what the interval says.
        """
        if self.difference is None:
            return None
        if self.equal:
            return "equal"
        p = self.p if self.corrected is None else self.corrected
        tested = self.distance or self.difference
        if p is None or p > 1 - LEVEL or not tested.excludes_zero:
            return "unclear"
        if self.distance is not None:
            return "closer" if self.distance.mean < 0 else "farther"
        side: Literal["higher", "lower"] = "higher" if self.difference.mean > 0 else "lower"
        if self.direction is None:
            return side
        return "better" if side == self.direction else "worse"

    @property
    def doubt(self) -> str:
        """Why the interval of the difference, or that there is none, says less than it seems to."""
        if self.equal:
            return "the same in every picture"
        if self.difference is not None and self.difference.low is None and self.paired_seeds > 1:
            return f"{self.paired_seeds} seeds agree, no interval"
        return "two seeds, closer than others' here" if self.lucky else ""


@dataclass(frozen=True)
class Difference:
    """One configuration's paired differences from its baseline in one metric, and what makes the comparison this one.

    `tested` are the differences themselves, or of a metric with a target those of the distance from it. `place` is its
    point of the axes, and with the runs compared, `pair`, says which comparisons are one and the same.
    """

    scores: Scores
    tested: Scores
    place: tuple[str, ...]
    pair: tuple[frozenset[Path], frozenset[Path]]

    @cached_property
    def means(self) -> list[float]:
        return list(seed_means(self.tested).values())

    @property
    def equal(self) -> bool:
        return bool(self.scores) and all(len(one) and not one.any() for one in self.scores.values())


def compare(study: Study) -> list[Comparison]:
    """Return one row for each metric and configuration, in the order in which the report shows them.

    What is corrected together is the study's family of metrics, of every configuration against its baseline, at one
    point of the axes: each of those answers for itself. Of comparisons of the same runs one counts.
    """
    found = {
        (configuration, key): difference_of(study, configuration, key)
        for key in study.metrics
        for configuration in study.configurations
    }
    alike: dict[tuple[str, tuple[str, ...]], dict[object, list[float]]] = {}
    for (_, key), one in found.items():
        if len(one.means) > 1:
            alike.setdefault((key, one.place), {})[one.pair] = one.means
    scatter = {at: pooled_deviation(list(means.values())) or 0.0 for at, means in alike.items()}
    alone = {at: significance(one.tested) for at, one in found.items()}
    p = {at: significance(one.tested, scatter.get((at[1], one.place), 0.0)) for at, one in found.items()}
    families: dict[tuple[str, ...], dict[tuple[object, str], float]] = {}
    for (configuration, key), one in found.items():
        if (raw := p[configuration, key]) is not None and key in study.family:
            families.setdefault(one.place, {})[one.pair, key] = raw
    corrected = {place: dict(zip(raw, holm(list(raw.values())), strict=True)) for place, raw in families.items()}
    rows = []
    for (configuration, key), one in found.items():
        scores = study.scores(configuration, key)
        own, believed = alone[configuration, key], p[configuration, key]
        rows.append(
            Comparison(
                configuration=configuration,
                metric=key,
                baseline=study.baselines.get(configuration),
                value=summarize(scores, LEVEL),
                difference=summarize(one.scores, LEVEL),
                seeds=count_seeds(scores),
                paired_seeds=count_seeds(one.scores),
                missing=sum(len(values) - len(finite(values)) for values in scores.values()),
                direction=study.directions.get(key),
                p=believed,
                corrected=corrected.get(one.place, {}).get((one.pair, key)),
                lucky=own is not None and believed is not None and own <= 1 - LEVEL < believed,
                equal=one.equal,
                target=study.targets.get(key),
                distance=summarize(one.tested, LEVEL) if key in study.targets else None,
                meeting=met(study, configuration, key) if key in study.targets else None,
            )
        )
    return rows


def difference_of(study: Study, configuration: str, key: str) -> Difference:
    baseline = study.baselines.get(configuration)
    place = study.elsewhere(configuration)
    if baseline is None:
        return Difference({}, {}, place, (study.folders(configuration), frozenset()))
    ours, theirs = study.scores(configuration, key), study.scores(baseline, key)
    found = paired_difference(ours, theirs)
    target = study.targets.get(key)
    tested = found if target is None else paired_distance(ours, theirs, target)
    return Difference(found, tested, place, (study.folders(configuration), study.folders(baseline)))


def met(study: Study, configuration: str, key: str) -> tuple[float, float] | None:
    """Return the means of the baseline and of a configuration over what is paired; None where nothing is."""
    if (baseline := study.baselines.get(configuration)) is None:
        return None
    found = [one for one in pairs(study.scores(configuration, key), study.scores(baseline, key)).values() if len(one)]
    if not found:
        return None
    theirs, ours = (sum(float(one[side].mean()) for one in found) / len(found) for side in ("theirs", "ours"))
    return theirs, ours


def comparisons(study: Study, rows: list[Comparison]) -> int:
    """Return how many comparisons verdicts are corrected for together: the family's, at one point of the axes."""
    counts: dict[tuple[str, ...], set[object]] = {}
    for row in rows:
        if row.corrected is not None and row.baseline is not None:
            pair = (study.folders(row.configuration), study.folders(row.baseline), row.metric)
            counts.setdefault(study.elsewhere(row.configuration), set()).add(pair)
    return max(map(len, counts.values()), default=0)


def power(study: Study, rows: list[Comparison]) -> str:
    """Say which differences so many seeds would show, those of the study and more, in the headline metrics.

    After correction, and by the deviation of the paired differences of all configurations. Empty before two seeds.
    """
    many = comparisons(study, rows)
    reached = max((row.paired_seeds for row in rows), default=0)
    if reached < 2 or not many:
        return ""
    counts = (len(study.seeds), 8 if len(study.seeds) < 8 else 2 * len(study.seeds))
    shown: dict[int, list[str]] = {count: [] for count in counts}
    for key in study.headline:
        samples = {}
        for configuration in study.baselines:
            one = difference_of(study, configuration, key)
            samples[one.pair] = one.means
        deviation = pooled_deviation(list(samples.values()))
        if key not in study.family or not deviation:
            continue
        for count in counts:
            least = detectable(deviation, count, many, LEVEL)
            what = metric(key)
            amount = f"{number(least, max(0, 1 - math.floor(math.log10(least))))} {what.unit}".strip()
            shown[count].append(f"{amount} in {what.label}")
    few, more = ([*one] for one in shown.values())
    if not few:
        return ""
    return (
        f"{in_words(counts[0]).capitalize()} seeds would show {listed(few)} here; {in_words(counts[1])} would show "
        f"{listed(more)} (four times in five, by the scatter of the paired differences, corrected for "
        f"{plural(many, 'comparison')})."
    )


def identical(study: Study) -> list[str]:
    """Say which configurations are one and the same run: what they were meant to differ in has no effect."""
    groups: dict[tuple[tuple[str, ...], frozenset[Path]], list[str]] = {}
    for name in study.configurations:
        if folders := study.folders(name):
            groups.setdefault((study.elsewhere(name), folders), []).append(name)
    return [f"One and the same run: {listed(names)}. What sets them apart has no effect."
            for names in groups.values() if len(names) > 1]  # fmt: skip


def front(study: Study) -> list[str]:
    """Return the configurations on the Pareto front of the plane's two metrics, by their means, in order of its x.

    Of those no other is better in one metric and no worse in the other. Empty without a plane, or where it is not said
    which way is better.
    """
    keys = [str((study.plan.get("plane") or {}).get(side)) for side in ("x", "y")]
    places = {name: [gain(study, name, key) for key in keys] for name in study.configurations}
    known = {name: (x, y) for name, (x, y) in places.items() if x is not None and y is not None}
    best = [
        name
        for name, (x, y) in known.items()
        if not any(a >= x and b >= y and (a, b) != (x, y) for a, b in known.values())
    ]
    return sorted(best, key=lambda name: known[name])


def gain(study: Study, configuration: str, key: str) -> float | None:
    """Return a configuration's mean, so that more is better; None without one, or where no way is better."""
    means = list(seed_means(study.scores(configuration, key)).values())
    if not means or (key not in study.directions and key not in study.targets):
        return None
    mean = sum(means) / len(means)
    if key in study.targets:
        return -abs(mean - study.targets[key])
    return mean if study.directions[key] == "higher" else -mean


def pareto(study: Study) -> str:
    """Say which configurations are on the Pareto front of the plane, and which are not; empty where there is none."""
    best = front(study)
    plane = study.plan.get("plane") or {}
    # What an axis does not change, and what is one run by other names, is one place.
    if not best or len({study.folders(name) for name in study.configurations}) < 2:
        return ""
    both = f"{metric(str(plane.get('x'))).label} and {metric(str(plane.get('y'))).label}"
    scored = [
        name for name in study.configurations if all(gain(study, name, key) is not None for key in plane.values())
    ]
    beaten = [name for name in scored if name not in best]
    if len(scored) < 2:
        return ""
    if not beaten:
        return f"By their means, all of these are on the Pareto front of {both}: each is better in one of them."
    rest = f"; {listed(beaten)} {'is' if len(beaten) == 1 else 'are'} beaten in both" if beaten else ""
    return f"By their means, {listed(best)} {'is' if len(best) == 1 else 'are'} on the Pareto front of {both}{rest}."


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
    """Say in which headline metrics configurations differ after correction, and in which direction."""
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
    """Return `worse in PSNR (-0.93 dB), closer to the true gradient (-0.06 → -0.02) and equal in SSIM`."""
    phrases = []
    for verdict in SYMBOLS:
        told = [_finding(row, digits[row.metric]) for row in rows if row.verdict == verdict]
        if told:
            words = {"closer": "closer to", "farther": "farther from", "unclear": "not clearly different in"}
            phrases.append(f"{words.get(verdict, f'{verdict} in')} {listed(told)}")
    return listed(phrases)


def _finding(row: Comparison, digits: int) -> str:
    """Return what a verdict is about, and how much in brackets: the difference, or the way towards a target."""
    what = metric(row.metric)
    if row.difference is None or row.verdict == "equal":
        return what.label
    if row.verdict == "unclear":
        return f"{what.label} ({row.doubt})" if row.doubt else what.label
    amount, place = number(row.difference.mean, digits, signed=True), what.label
    if row.verdict in ("closer", "farther") and row.meeting is not None:
        amount = " → ".join(number(mean, digits, signed=True) for mean in row.meeting)
        place = what.truth or f"{row.target:g} in {what.label}"
    # What no family corrects is a hint.
    hint = ", uncorrected" if row.corrected is None else ""
    return f"{place} ({f'{amount} {what.unit}'.strip()}{hint})"


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
        goal = f" → {study.targets[key]:g}" if key in study.targets else ""
        arrow = {"higher": " ↑", "lower": " ↓", None: goal}[study.directions.get(key)]
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
        for line in filter(None, [*identical(study), pareto(study), power(study, rows)]):
            console.print(Text(line))
    return captured.get().rstrip()
