"""What a study's scores say, and how sure they are: seeds are the statistics, pictures are not.

`Scores` maps each seed to one metric's scores, a `pd.Series` indexed by the picture's file name. Two
configurations are compared by picture within a seed and then averaged, so that a hard picture or a lucky seed
cancels; what is left is one number a seed. What trains nothing has no seeds: its scores stand under `None`, and are
paired with every seed of what they are compared with. Non-finite scores count as missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, stats

OVER_SEEDS = "seeds"
OVER_IMAGES = "images, for these seeds"
# What is the same for every seed: other pictures are all that could change it.
WITHOUT_SEEDS = "images; no seeds"
Scores = Mapping[int | None, "pd.Series[float]"]


@dataclass(frozen=True)
class Interval:
    """A mean with its interval, which stands for itself (no correction), and what the interval covers.

    `over` is `OVER_SEEDS` (what another seed would give), `OVER_IMAGES` (what other pictures would give
    with these very seeds) or `WITHOUT_SEEDS` (the same, of what no seed affects);
    `n` counts the seeds or pictures. One value, or equal ones, allow no interval: `low` and `high` are None.
    """

    mean: float
    low: float | None
    high: float | None
    level: float
    over: str
    n: int

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside the interval; False where there is no interval."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def finite(scores: pd.Series[float]) -> pd.Series[float]:
    """Return the scores that are numbers: NaN and infinities dropped."""
    values = scores.astype(float)
    return values[np.isfinite(values.to_numpy())]


def seed_means(scores: Scores) -> dict[int | None, float]:
    """Return each seed's mean over its pictures; a seed without a finite score is left out."""
    kept = {seed: finite(values) for seed, values in scores.items()}
    return {seed: float(values.mean()) for seed, values in kept.items() if len(values)}


def count_seeds(scores: Scores) -> int:
    """Return how many seeds have a finite score; scores without seeds count as none."""
    return len(seed_means(scores).keys() - {None})


def pairs(scores: Scores, baseline: Scores) -> dict[int | None, pd.DataFrame]:
    """Return, for each seed that both have, `ours` and `theirs` of every picture that both have a finite score of.

    Where one of them has no seeds, the seeds are those of the other.
    """
    seeds = baseline if None in scores else scores
    found = {seed: (scores.get(seed, scores.get(None)), baseline.get(seed, baseline.get(None))) for seed in seeds}
    return {
        seed: side_by_side(ours, theirs)
        for seed, (ours, theirs) in found.items()
        if ours is not None and theirs is not None
    }


def side_by_side(ours: pd.Series[float], theirs: pd.Series[float]) -> pd.DataFrame:
    """Return the scores of the pictures of which both are finite."""
    if ours.index.equals(theirs.index):
        # Without aligning them, which takes ten times as long.
        one, other = ours.to_numpy(float), theirs.to_numpy(float)
        kept = np.isfinite(one) & np.isfinite(other)
        return pd.DataFrame({"ours": one[kept], "theirs": other[kept]}, index=ours.index[kept])
    return pd.DataFrame({"ours": finite(ours), "theirs": finite(theirs)}).dropna()


def paired_difference(scores: Scores, baseline: Scores) -> dict[int | None, pd.Series[float]]:
    """Return `scores - baseline` of every picture of a seed that both have (see `pairs`)."""
    return {seed: both["ours"] - both["theirs"] for seed, both in pairs(scores, baseline).items()}


def paired_distance(scores: Scores, baseline: Scores, target: float) -> dict[int | None, pd.Series[float]]:
    """Return by picture and seed what a seed's mean is farther from `target` than the baseline's; below 0 is closer.

    It is the mean over pictures that has to meet the target, not each picture: the mean of a seed's values is
    |mean ours - target| - |mean theirs - target|, and a picture's value what it adds to that.
    """

    def away(values: pd.Series[float]) -> pd.Series[float]:
        return (values - target) * (1.0 if values.mean() >= target else -1.0)

    return {seed: away(both["ours"]) - away(both["theirs"]) for seed, both in pairs(scores, baseline).items()}


def over_seeds(values: Sequence[float], level: float = 0.95) -> Interval:
    """Return Student's t interval of the mean, mean +- t(level, n-1) * s / sqrt(n), over one number a seed.

    One number gives its mean and no interval, and so do equal numbers: that two seeds agree does not mean that a third
    would. Raises ValueError without any.
    """
    sample = np.asarray(values, dtype=float)
    if sample.size == 0:
        raise ValueError("an interval needs at least one value")
    mean = float(sample.mean())
    if sample.size == 1 or agree(sample):
        return Interval(mean, None, None, level, OVER_SEEDS, int(sample.size))
    error = float(sample.std(ddof=1)) / np.sqrt(sample.size)
    reach = float(stats.t.ppf((1 + level) / 2, sample.size - 1)) * error
    return Interval(mean, mean - reach, mean + reach, level, OVER_SEEDS, int(sample.size))


def agree(values: Sequence[float] | np.ndarray) -> bool:
    """Whether numbers are the same but for how they are rounded."""
    return float(np.ptp(values)) <= 1e-9 * float(np.abs(values).max())


def p_value(values: Sequence[float] | np.ndarray, least: float = 0.0) -> float | None:
    """Return the two-sided p of Student's t test of a mean of zero; None where its interval does not exist.

    `least` is a standard deviation below which the sample's own is not believed.
    """
    sample = np.asarray(values, dtype=float)
    if sample.size < 2 or agree(sample):
        return None
    deviation = max(float(sample.std(ddof=1)), least)
    return float(2 * stats.t.sf(abs(sample.mean()) / (deviation / np.sqrt(sample.size)), sample.size - 1))


def pooled_deviation(samples: Sequence[Sequence[float]]) -> float | None:
    """Return the standard deviation that samples have in common, each about its own mean; None without two values."""
    freedom = sum(len(sample) - 1 for sample in samples if len(sample))
    if freedom < 1:
        return None
    squares = sum(float(np.square(np.asarray(sample) - np.mean(sample)).sum()) for sample in samples if len(sample))
    return float(np.sqrt(squares / freedom))


def holm(values: Sequence[float]) -> list[float]:
    """Return p-values corrected after Holm (1979): whatever is true, one of all is wrong with their level at most.

    The k-th smallest of m is multiplied by m - k + 1, made no smaller than those before it and at most 1.
    """
    order = np.argsort(values, kind="stable")
    found = np.empty(len(values))
    found[order] = np.minimum(1, np.maximum.accumulate(np.asarray(values)[order] * np.arange(len(values), 0, -1)))
    return [float(value) for value in found]


def detectable(deviation: float, seeds: int, comparisons: int, level: float = 0.95, power: float = 0.8) -> float:
    """Return the difference that so many seeds show with this power, as the first of so many comparisons.

    It is the shift at which Student's t test at (1 - level) / comparisons, Holm's first step, rejects with `power`, for
    paired differences of this standard deviation. From two seeds on.
    """
    if seeds < 2:
        raise ValueError("power needs at least two seeds")
    freedom = seeds - 1
    limit = float(stats.t.isf((1 - level) / comparisons / 2, freedom))
    # The noncentral t's own functions fail far out, where few seeds and many comparisons lead: here the deviation that
    # a sample may have is integrated over.
    nodes, weights = np.polynomial.legendre.leggauss(400)
    scale = np.sqrt(stats.chi2.ppf((nodes + 1) / 2, freedom) / freedom)

    def lacking(shift: float) -> float:
        found = stats.norm.sf(limit * scale - shift) + stats.norm.cdf(-limit * scale - shift)
        return float(found @ weights / 2) - power

    return float(optimize.brentq(lacking, 0, 20 * (limit + 10))) * deviation / float(np.sqrt(seeds))


def image_means(scores: Scores) -> pd.Series[float]:
    """Return each picture's mean over the seeds that have a finite score of it."""
    return pd.DataFrame({str(key): finite(values) for key, values in scores.items()}).mean(axis=1).dropna()


def over_images(scores: Scores, level: float = 0.95, resamples: int = 2000, seed: int = 0) -> Interval:
    """Return the percentile bootstrap interval over pictures, each averaged over the seeds first.

    It holds the seeds fixed, so it says nothing about another seed, if there are any. `seed` makes the
    resampling repeatable. Raises ValueError without any score.
    """
    over = WITHOUT_SEEDS if None in scores else OVER_IMAGES
    images = image_means(scores)
    if images.empty:
        raise ValueError("an interval needs at least one value")
    mean = float(images.mean())
    if len(images) == 1:
        return Interval(mean, None, None, level, over, 1)
    found = stats.bootstrap(
        (images.to_numpy(),),
        np.mean,
        confidence_level=level,
        n_resamples=resamples,
        # Of so many numbers at once: all of a large test set would take gigabytes.
        batch=max(1, 10**7 // len(images)),
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(mean, float(found.low), float(found.high), level, over, len(images))


def summarize(scores: Scores, level: float = 0.95) -> Interval | None:
    """Return the interval that the scores allow: over seeds from two seeds on, over pictures for one or none.

    Works alike on scores and on paired differences; None where nothing finite is there.
    """
    means = seed_means(scores)
    if not means:
        return None
    if len(means) > 1:
        return over_seeds(list(means.values()), level)
    return over_images({seed: scores[seed] for seed in means}, level)


def significance(scores: Scores, least: float = 0.0) -> float | None:
    """Return the p that goes with `summarize`: over seeds from two seeds on, over pictures for one or none."""
    means = seed_means(scores)
    if len(means) > 1:
        return p_value(list(means.values()), least if len(means) == 2 else 0.0)
    return p_value(image_means({seed: scores[seed] for seed in means}).to_numpy()) if means else None
