"""What a study has found, in sentences."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from henkan.report.comparisons import LEVEL, Comparison, Verdict, comparisons, difference_of
from henkan.report.statistics import (
    Interval,
    detectable,
    pooled_deviation,
)
from henkan.report.study import Study
from henkan.report.words import decimals, in_words, listed, metric, number, plural

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
        clauses[name] = f"{against[name]}{fewer}is {findings(found, digits)}"
    return Answer(lead, clauses)


def findings(rows: list[Comparison], digits: dict[str, int]) -> str:
    """Return `worse in PSNR (-0.93 dB), closer to the true gradient (-0.06 → -0.02) and equal in SSIM`."""
    phrases = []
    for verdict in SYMBOLS:
        told = [finding(row, digits[row.metric]) for row in rows if row.verdict == verdict]
        if told:
            words = {"closer": "closer to", "farther": "farther from", "unclear": "not clearly different in"}
            phrases.append(f"{words.get(verdict, f'{verdict} in')} {listed(told)}")
    return listed(phrases)


def finding(row: Comparison, digits: int) -> str:
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
