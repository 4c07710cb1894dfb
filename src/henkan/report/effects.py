"""What a value of an axis does by itself: its paired difference from the axis' first value, over all else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from henkan.report.statistics import Interval, over_seeds, paired_difference, seed_means
from henkan.report.study import Study
from henkan.report.words import decimals, listed, metric, number, plural

VARIANT = "variant"


@dataclass(frozen=True)
class Effect:
    """The marginal effect of `value` of an axis in a metric: the mean over `places` (points of all other axes) and
    pictures of the difference from `first`, with its interval over seeds, uncorrected.
    """

    axis: str
    value: str
    first: str
    metric: str
    difference: Interval
    places: int


def effects(study: Study) -> list[Effect]:
    """Return the marginal effects in the headline metrics; none where fewer than two axes (variants are one) differ.

    Within a seed each place counts the same, so that one number a seed is left. Places where both values are one and
    the same run, or recipes of their own, are left out, and so are other pictures, which pair with none, and seeds that
    lack a place.
    """
    nodes = study.configurations
    points = {
        name: {VARIANT: str(node.get("variant", name)), **(node.get("point") or {})} for name, node in nodes.items()
    }
    axes = {axis: list(dict.fromkeys(point[axis] for point in points.values() if axis in point))
            for axis in dict.fromkeys(axis for point in points.values() for axis in point)}  # fmt: skip
    axes = {axis: values for axis, values in axes.items() if len(values) > 1}
    if len(axes) < 2:
        return []
    by_point = {frozenset(point.items()): name for name, point in points.items()}
    found = []
    for axis, (first, *others) in axes.items():
        for value in others:
            couples = list(coupled(by_point, axis, value, first))
            for key in study.headline:
                told = effect(study, [couple for couple in couples if distinct(study, *couple)], key)
                if told is not None:
                    found.append(Effect(axis, value, first, key, *told))
    return found


def coupled(
    by_point: dict[frozenset[tuple[str, str]], str], axis: str, value: str, first: str
) -> Iterator[tuple[str, str]]:
    """Yield the configurations that differ in the value of one axis alone: that with `value`, that with `first`."""
    for point, name in by_point.items():
        if (axis, value) in point:
            other = by_point.get(point - {(axis, value)} | {(axis, first)})
            if other is not None:
                yield name, other


def distinct(study: Study, ours: str, theirs: str) -> bool:
    """Whether two configurations are two runs, and of one task: scores of recipes of their own do not compare."""
    recipes = [
        [word for word in study.configurations[name].get("overrides") or [] if word.startswith("experiment=")]
        for name in (ours, theirs)
    ]
    return study.folders(ours) != study.folders(theirs) and recipes[0] == recipes[1]


def effect(study: Study, couples: list[tuple[str, str]], key: str) -> tuple[Interval, int] | None:
    """Return the mean difference of couples with its interval, and how many of them there are with a score."""
    means = [
        seed_means(paired_difference(study.scores(ours, key), study.scores(theirs, key))) for ours, theirs in couples
    ]
    means = [one for one in means if one]
    if not means:
        return None
    # What trains nothing is the same for every seed.
    trained = [set(one) for one in means if None not in one]
    shared: set[int | None] = set.intersection(*trained) if trained else {None}
    if not shared:
        return None
    values = [sum(one.get(seed, one.get(None, 0.0)) for one in means) / len(means) for seed in sorted(shared, key=str)]
    return over_seeds(values), len(means)


def effect_lines(study: Study) -> list[str]:
    """Return a sentence for each value of an axis: what it does in each headline metric."""
    found = effects(study)
    digits = {key: decimals(one.difference for one in found if one.metric == key) for key in study.headline}
    rows: dict[tuple[str, str, str], list[Effect]] = {}
    for one in found:
        rows.setdefault((one.axis, one.value, one.first), []).append(one)
    lines = []
    for (axis, value, first), own in rows.items():
        where = "" if axis == VARIANT or value.startswith(f"{axis.split('.')[-1]}=") else f"{axis} "
        changes = listed(f"{change(one, digits[one.metric])} in {metric(one.metric).label}" for one in own)
        counts, seeds = sorted({one.places for one in own}), max(one.difference.n for one in own)
        places = plural(counts[0], "place") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} places"
        over = f"mean of {places} and {plural(seeds, 'seed')}"
        lines.append(f"{where}{value} in place of {first}: {changes} ({over}).")
    return lines


def change(one: Effect, digits: int) -> str:
    """Return `+0.12 dB (+0.08 to +0.16)`."""
    text = f"{number(one.difference.mean, digits, signed=True)} {metric(one.metric).unit}".strip()
    if one.difference.low is None:
        return text
    return f"{text} ({number(one.difference.low, digits, True)} to {number(one.difference.high, digits, True)})"


def effects_table(study: Study) -> pd.DataFrame:
    """Return effects.csv: a row a value of an axis and metric."""
    columns = ["axis", "value", "first", "metric", "difference", "low", "high", "n_seeds", "places"]
    return pd.DataFrame(
        [
            (one.axis, one.value, one.first, one.metric, one.difference.mean, one.difference.low, one.difference.high,
             one.difference.n, one.places)
            for one in effects(study)
        ],
        columns=columns,
    )  # fmt: skip
