"""Every configuration against its baseline: means, paired differences, and verdicts after correction."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from henkan.report.statistics import (
    Interval,
    Scores,
    count_seeds,
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
from henkan.report.study import Study

Verdict = Literal["better", "worse", "closer", "farther", "higher", "lower", "unclear", "equal"]
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
