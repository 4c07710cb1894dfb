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
from scipy import stats

OVER_SEEDS = "seeds"
OVER_IMAGES = "images, for these seeds"
# What is the same for every seed: other pictures are all that could change it.
WITHOUT_SEEDS = "images; no seeds"
Scores = Mapping[int | None, "pd.Series[float]"]


@dataclass(frozen=True)
class Interval:
    """A mean with its interval, and what the interval covers.

    `over` is `OVER_SEEDS` (what another seed would give), `OVER_IMAGES` (what other pictures would give
    with these very seeds) or `WITHOUT_SEEDS` (the same, of what no seed affects);
    `n` counts the seeds or pictures. One value allows no interval: `low` and `high` are None.
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


def paired_difference(scores: Scores, baseline: Scores) -> dict[int | None, pd.Series[float]]:
    """Return, for each seed that both have, `scores - baseline` of every picture that both have.

    Where one of them has no seeds, the seeds are those of the other.
    """
    seeds = baseline if None in scores else scores
    pairs = {seed: (scores.get(seed, scores.get(None)), baseline.get(seed, baseline.get(None))) for seed in seeds}
    return {
        seed: (finite(ours) - finite(theirs)).dropna()
        for seed, (ours, theirs) in pairs.items()
        if ours is not None and theirs is not None
    }


def over_seeds(values: Sequence[float], level: float = 0.95) -> Interval:
    """Return Student's t interval of the mean, mean +- t(level, n-1) * s / sqrt(n), over one number a seed.

    One number gives its mean and no interval. Raises ValueError without any.
    """
    sample = np.asarray(values, dtype=float)
    if sample.size == 0:
        raise ValueError("an interval needs at least one value")
    mean = float(sample.mean())
    if sample.size == 1:
        return Interval(mean, None, None, level, OVER_SEEDS, 1)
    error = float(sample.std(ddof=1)) / np.sqrt(sample.size)
    reach = float(stats.t.ppf((1 + level) / 2, sample.size - 1)) * error
    return Interval(mean, mean - reach, mean + reach, level, OVER_SEEDS, int(sample.size))


def over_images(scores: Scores, level: float = 0.95, resamples: int = 2000, seed: int = 0) -> Interval:
    """Return the percentile bootstrap interval over pictures, each averaged over the seeds first.

    It holds the seeds fixed, so it says nothing about another seed, if there are any. `seed` makes the
    resampling repeatable. Raises ValueError without any score.
    """
    over = WITHOUT_SEEDS if None in scores else OVER_IMAGES
    images = pd.DataFrame({str(key): finite(values) for key, values in scores.items()}).mean(axis=1).dropna()
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
