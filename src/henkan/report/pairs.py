"""Which pictures tell two configurations apart: where one is at its best against the other, at its worst, and where
what they made differs most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from henkan.report import thumbnails, words
from henkan.report.run import Run
from henkan.report.statistics import seed_means
from henkan.report.study import Study

# So few configurations are compared all with all, more of them each with its baseline, and so many pairs at most.
ALL_WITH_ALL = 4
PAIRS = 40
# How many outputs are read to find the most different ones.
READ = 800


@dataclass(frozen=True)
class Choice:
    """A picture by its number, and what is said of it: `+2.1 dB`."""

    number: int
    said: str


@dataclass(frozen=True)
class Group:
    title: str
    choices: list[Choice]


@dataclass(frozen=True)
class Pair:
    """Two configurations, and what to look at: the second one is told by the first."""

    one: str
    other: str
    groups: list[Group]
    # How far apart their most different outputs are, a share of all there is; none where one has learned nothing,
    # which differs from all others in the same way, or where outputs were not compared.
    apart: float = 0.0

    @property
    def numbers(self) -> list[int]:
        """The pictures of all groups, what is first in any of them first."""
        ranks = [(rank, choice.number) for group in self.groups for rank, choice in enumerate(group.choices)]
        return list(dict.fromkeys(number for _, number in sorted(ranks, key=lambda ranked: ranked[0])))


def pairs(
    study: Study,
    runs: Mapping[str, Run | None],
    reference: Run,
    numbers: Sequence[int],
    few: int = 3,
    compare: bool = False,
) -> list[Pair]:
    """Return the pairs of one seed's runs, each with so few pictures of `numbers` a group; the most different ones are
    looked for where outputs are to be compared. Pictures are numbered as `reference` does."""
    there = {name: run for name, run in runs.items() if run is not None and run.pictures}
    few = min(few, max(1, len(numbers) // 2))
    couples = coupled(study, list(there)) if numbers else []
    named = {number: name for number, name in enumerate(reference.picture_names) if number in numbers}
    outputs = reduced(there, couples, reference, numbers) if compare else {}
    found = []
    for one, other in couples:
        apart = differences(outputs.get(one, {}), outputs.get(other, {}))
        groups = [different(apart, few)] if apart else []
        for key in study.headline:
            gains = gained(study, there[one], there[other], key, named)
            if gains:
                ordered = sorted(gains, key=gains.__getitem__)
                for title, kept in (("best", ordered[::-1]), ("worst", ordered)):
                    told = [Choice(number, said(key, gains[number])) for number in kept[:few]]
                    groups.append(Group(f"{other} at its {title} against {one}, by {words.metric(key).label}", told))
        if groups:
            learned = all(there[name].seed is not None for name in (one, other))
            found.append(Pair(one, other, groups, max(apart.values(), default=0.0) if learned else 0.0))
    return found


def coupled(study: Study, names: Sequence[str]) -> list[tuple[str, str]]:
    """Return which configurations are compared: each with its baseline, and where they are few, all with all."""
    against = [(study.baselines[name], name) for name in names if study.baselines.get(name) in names]
    if len(names) <= ALL_WITH_ALL:
        against += [pair for pair in combinations(names, 2) if pair not in against and pair[::-1] not in against]
    return against[:PAIRS]


def gained(study: Study, one: Run, other: Run, key: str, names: Mapping[int, str]) -> dict[int, float]:
    """Return by how much each named picture of the other is better in a metric; empty where neither way is better."""
    target, better = study.targets.get(key), study.directions.get(key)
    tables = [run.scores for run in (other, one)]
    scores = [dict(table[key].items()) for table in tables if table is not None and key in table]
    if (target is None and better is None) or len(scores) < 2:
        return {}
    ours, theirs = (np.array([found.get(name, np.nan) for name in names.values()], float) for found in scores)
    if target is None:
        gain = theirs - ours if better == "lower" else ours - theirs
    else:
        gain = abs(theirs - target) - abs(ours - target)
    return {number: float(value) for number, value in zip(names, gain, strict=True) if np.isfinite(value)}


def said(key: str, gain: float) -> str:
    """Return how much better a picture is, in the metric's unit and to three digits: `+2.13 dB`, `−0.012`."""
    return f"{gain:+.3g} {words.metric(key).unit}".strip().replace("-", "\N{MINUS SIGN}")


def reduced(
    runs: Mapping[str, Run], couples: Sequence[tuple[str, str]], reference: Run, numbers: Sequence[int]
) -> dict[str, dict[int, np.ndarray]]:
    """Return the small outputs of the configurations that are compared, of pictures spread over the set."""
    names = list(dict.fromkeys(name for couple in couples for name in couple))
    spread = numbers[:: max(1, -(-len(numbers) * len(names) // READ))]
    paths = {
        (name, number): runs[name].picture_like(reference, number, "output") for name in names for number in spread
    }
    there = {place: path for place, path in paths.items() if path is not None}
    found: dict[str, dict[int, np.ndarray]] = {}
    for (name, number), picture in zip(there, thumbnails.at_once(thumbnails.reduced, there.values()), strict=True):
        found.setdefault(name, {})[number] = picture
    return found


def differences(one: Mapping[int, np.ndarray], other: Mapping[int, np.ndarray]) -> dict[int, float]:
    """Return how far apart two outputs of each picture are: the mean difference of small ones."""
    return {number: float(abs(one[number] - other[number]).mean()) for number in one if number in other}


def different(apart: Mapping[int, float], few: int) -> Group:
    """Return the pictures in which two outputs differ most."""
    most = sorted(apart, key=apart.__getitem__, reverse=True)[:few]
    return Group("most different outputs", [Choice(number, f"{100 * apart[number]:.2g} % apart") for number in most])


def ranked(study: Study, key: str) -> list[str]:
    """Return the configurations that are scored by a metric, the best first."""
    means = {name: seed_means(study.scores(name, key)) for name in study.configurations}
    scored = {name: float(np.mean(list(seeds.values()))) for name, seeds in means.items() if seeds}
    return sorted(scored, key=scored.__getitem__, reverse=study.directions.get(key) == "higher")
