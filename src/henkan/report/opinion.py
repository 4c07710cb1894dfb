"""What people think of a study's pictures: strengths after Bradley and Terry, and how often metrics agree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
from scipy import optimize, special, stats
from scipy.sparse.csgraph import connected_components

from henkan.report import words
from henkan.report.run import Run
from henkan.report.study import Study
from henkan.report.votes import SHARES, Vote, identity_of, read_votes

# Votes that each side of two that were shown together has before any is cast: who has won all is then not infinitely
# strong. Of two configurations the strength is the log odds after Haldane and Anscombe.
PRIOR = 0.5


@dataclass(frozen=True)
class Strength:
    """How strong a configuration is: log odds of being preferred to the reference, with an interval.

    `won`, `lost` and `tied` count its own votes against all others.
    """

    configuration: str
    value: float
    low: float
    high: float
    won: int
    lost: int
    tied: int

    @property
    def preferred(self) -> tuple[float, float, float]:
        """The chance of being preferred to the reference, with its interval; half is as good."""
        low, middle, high = special.expit([self.low, self.value, self.high])
        return float(middle), float(low), float(high)


@dataclass(frozen=True)
class Agreement:
    """In which share of the votes that were no ties a metric prefers the same one, with an interval."""

    metric: str
    share: float
    low: float
    high: float
    votes: int


def counted(study: Study, votes: Sequence[Vote]) -> pd.DataFrame:
    """Return the votes on a study's runs: `picture`, `voter`, `left`, `right` (configurations), `share` of the left.

    `left_run` and `right_run` are places in `study.runs`.
    """
    places = {identity_of(run): number for number, run in reversed(list(enumerate(study.runs)))}
    rows = [
        {
            "picture": vote["picture"],
            "voter": vote["voter"],
            "left": study.runs[places[vote["left_run"]]].configuration,
            "right": study.runs[places[vote["right_run"]]].configuration,
            "left_run": places[vote["left_run"]],
            "right_run": places[vote["right_run"]],
            "share": SHARES[vote["answer"]],
        }
        for vote in votes
        if vote["left_run"] in places and vote["right_run"] in places
    ]
    columns = ["picture", "voter", "left", "right", "left_run", "right_run", "share"]
    table = pd.DataFrame(rows, columns=columns)
    return table[table["left"] != table["right"]]


def fit(wins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return strengths, the first of them zero, and the information on the others, by maximum likelihood.

    `wins[i, j]` is how often i was preferred to j. P(i over j) = 1 / (1 + exp(s_j - s_i)) (Bradley and Terry 1952).
    """
    shown = wins + wins.T

    def cost(free: np.ndarray) -> tuple[float, np.ndarray]:
        strengths = np.concatenate([[0.0], free])
        gaps = strengths[:, None] - strengths
        slope = (wins - shown * special.expit(gaps)).sum(1)
        return float((wins * np.logaddexp(0, -gaps)).sum()), -slope[1:]

    def information(free: np.ndarray) -> np.ndarray:
        strengths = np.concatenate([[0.0], free])
        chances = special.expit(strengths[:, None] - strengths)
        weights = shown * chances * (1 - chances)
        full: np.ndarray = np.diag(weights.sum(1)) - weights
        return full[1:, 1:]

    begin = np.zeros(len(wins) - 1)
    found = optimize.minimize(cost, begin, jac=True, hess=information, method="trust-exact", options={"gtol": 1e-9}).x
    return np.concatenate([[0.0], found]), information(found)


def bradley_terry(votes: pd.DataFrame, reference: str, level: float = 0.95) -> list[Strength]:
    """Return the strengths of all that were shown with the reference, or with what was; that itself is first, at zero.

    A tie is half a vote for each. Each two that were shown together have `PRIOR` votes more for each side. Intervals
    are Wald's with Student's t of as many pictures: their variance is that of independent votes (the inverse of the
    information), or what the votes scatter from picture to picture (the sandwich), whichever is larger, since votes on
    one picture resemble each other. They say what other pictures would give, not other voters.
    """
    votes = reachable(votes, reference)
    if votes.empty:
        return []
    names = list(dict.fromkeys([reference, *votes["left"], *votes["right"]]))
    place = {name: number for number, name in enumerate(names)}
    left, right = (votes[side].map(place).to_numpy() for side in ("left", "right"))
    share = votes["share"].to_numpy(float)
    count = len(names)
    wins = np.zeros((count, count))
    np.add.at(wins, (left, right), share)
    np.add.at(wins, (right, left), 1 - share)
    strengths, information = fit(wins + PRIOR * ((wins + wins.T) > 0))
    inverse = np.linalg.inv(information)
    surprise = share - special.expit(strengths[left] - strengths[right])
    slopes = np.zeros((votes["picture"].nunique(), count))
    picture = pd.factorize(votes["picture"])[0]
    np.add.at(slopes, (picture, left), surprise)
    np.add.at(slopes, (picture, right), -surprise)
    pictures = len(slopes)
    scatter = slopes[:, 1:].T @ slopes[:, 1:] * pictures / max(pictures - 1, 1)
    variance = np.maximum(np.diag(inverse), np.diag(inverse @ scatter @ inverse))
    reach = np.sqrt(variance) * stats.t.ppf((1 + level) / 2, max(pictures - 1, 1))
    reaches = np.concatenate([[0.0], reach])
    found = []
    for name, number in place.items():
        own = np.where(left == number, share, 1 - share)[(left == number) | (right == number)]
        found.append(
            Strength(
                name,
                float(strengths[number]),
                float(strengths[number] - reaches[number]),
                float(strengths[number] + reaches[number]),
                *(int((own == value).sum()) for value in (1.0, 0.0, 0.5)),
            )
        )
    return [found[0], *sorted(found[1:], key=lambda one: -one.value)]


def reachable(votes: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Return the votes on configurations that chains of votes connect with the reference: others cannot be compared."""
    names = list(dict.fromkeys([reference, *votes["left"], *votes["right"]]))
    links = np.zeros((len(names), len(names)))
    for left, right in zip(votes["left"], votes["right"], strict=True):
        links[names.index(left), names.index(right)] = 1
    _, part = connected_components(links, directed=False)
    inside = {name for name, number in zip(names, part, strict=True) if number == part[0]}
    return votes[votes["left"].isin(inside)]


def agreements(study: Study, votes: pd.DataFrame) -> list[Agreement]:
    """Return how often each metric of single pictures prefers what people prefer, the one that does most often first.

    Equal scores agree by half. What has no direction and no target prefers nothing.
    """
    decided = votes[votes["share"] != 0.5]
    found = []
    for metric in study.metrics:
        marks, pictures = [], []
        for row in decided.itertuples():
            left, right = (
                appeal(study, metric, study.runs[int(cast(int, place))], str(row.picture))
                for place in (row.left_run, row.right_run)
            )
            if left is not None and right is not None:
                marks.append(0.5 if left == right else float((left > right) == (row.share == 1.0)))
                pictures.append(row.picture)
        if marks:
            share, low, high = share_by_picture(np.array(marks), pictures)
            found.append(Agreement(metric, share, low, high, len(marks)))
    return sorted(found, key=lambda one: -one.share)


def appeal(study: Study, metric: str, run: Run, picture: str) -> float | None:
    """Return how much a metric likes a run's picture, more being better; None where it says nothing."""
    direction, target = study.directions.get(metric), study.targets.get(metric)
    if run.scores is None or metric not in run.scores or picture not in run.scores.index:
        return None
    score = float(run.scores[metric].loc[picture])
    if not math.isfinite(score) or (direction is None and target is None):
        return None
    return -abs(score - target) if target is not None else score if direction == "higher" else -score


def share_by_picture(marks: np.ndarray, pictures: Sequence[Any], level: float = 0.95) -> tuple[float, float, float]:
    """Return the mean of marks in [0, 1] with its interval after Wilson (1927), for as many as they are worth.

    Where marks of one picture resemble each other they are worth fewer than there are: by the ratio of the variance of
    their mean, picture by picture, to what it would be of independent ones.
    """
    share, count = float(marks.mean()), float(len(marks))
    sums = pd.Series(marks - share).groupby(pd.factorize(np.asarray(pictures))[0]).sum().to_numpy()
    if len(sums) > 1 and 0 < share < 1:
        clustered = float(np.square(sums).sum()) / count**2 * len(sums) / (len(sums) - 1)
        count /= max(1.0, clustered / (share * (1 - share) / count))
    z = float(stats.norm.ppf((1 + level) / 2))
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    reach = z / (1 + z**2 / count) * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return share, max(0.0, middle - reach), min(1.0, middle + reach)


@dataclass(frozen=True)
class Opinion:
    """What people have said of a part of a study, for its page and the terminal."""

    reference: str
    strengths: list[Strength]
    agreements: list[Agreement]
    left_out: list[str]
    """Configurations with votes that nothing connects with the reference."""
    voters: dict[str, int]
    pictures: int
    ties: int

    @property
    def said(self) -> str:
        """Who was asked how much: `120 votes of ana and ben on 12 pictures, with 8 ties`."""
        people = words.listed(self.voters) if len(self.voters) <= 4 else words.plural(len(self.voters), "person")
        ties = f", with {words.plural(self.ties, 'tie')}" if self.ties else ""
        count = words.plural(sum(self.voters.values()), "vote")
        return f"{count} of {people} on {words.plural(self.pictures, 'picture')}{ties}"


def opinion(study: Study) -> Opinion | None:
    """Return what people have said of a study, or of a part of it; None where they have said nothing."""
    votes = counted(study, read_votes(study.folder))
    if votes.empty:
        return None
    shown = list(dict.fromkeys([*votes["left"], *votes["right"]]))
    baselines = [name for name in study.configurations if name not in study.baselines]
    reference = next((name for name in [*baselines, *study.configurations] if name in shown), shown[0])
    strengths = bradley_terry(votes, reference)
    inside = {one.configuration for one in strengths}
    return Opinion(
        reference,
        strengths,
        agreements(study, votes),
        [name for name in shown if name not in inside],
        {str(name): int(count) for name, count in votes["voter"].value_counts().items()},
        int(votes["picture"].nunique()),
        int((votes["share"] == 0.5).sum()),
    )


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def between(low: float, high: float) -> str:
    return f"{100 * low:.0f} to {100 * high:.0f} %"


def in_words(found: Opinion) -> list[str]:
    """Return the same as lines for the terminal."""
    lines = [f"{found.said}; preferred to {found.reference}, with 95 % intervals over pictures:"]
    for one in found.strengths[1:]:
        middle, low, high = one.preferred
        lines.append(f"  {one.configuration}: {percent(middle)} ({between(low, high)}), strength {one.value:+.2f}")
    for each in found.agreements:
        lines.append(f"  {each.metric} agrees in {percent(each.share)} ({between(each.low, each.high)})")
    if found.left_out:
        lines.append(f"  nothing connects {words.listed(found.left_out)} with {found.reference}: not compared")
    return lines
