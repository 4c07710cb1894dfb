import numpy as np
import pandas as pd
import pytest
from scipy import stats

from henkan.report.statistics import (
    OVER_IMAGES,
    OVER_SEEDS,
    WITHOUT_SEEDS,
    Interval,
    count_seeds,
    over_images,
    over_seeds,
    paired_difference,
    seed_means,
    summarize,
)

NAN = float("nan")


def scores(*values: float) -> "pd.Series[float]":
    return pd.Series(values, index=[f"{i}.png" for i in range(len(values))], dtype=float)


def test_t_interval_closed_form() -> None:
    found = over_seeds([1.0, 2.0, 3.0])
    reach = 4.302652729749464 / np.sqrt(3)  # t(0.975, 2), s = 1
    assert found.mean == 2.0
    assert found.low == pytest.approx(2 - reach)
    assert found.high == pytest.approx(2 + reach)
    assert (found.level, found.over, found.n) == (0.95, OVER_SEEDS, 3)


def test_t_interval_is_that_of_the_paired_t_test() -> None:
    random = np.random.default_rng(0)
    ours, theirs = random.normal(size=5), random.normal(size=5)
    expected = stats.ttest_rel(ours, theirs).confidence_interval(0.9)
    found = over_seeds(list(ours - theirs), level=0.9)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_one_seed_has_no_interval_over_seeds() -> None:
    found = over_seeds([4.0])
    assert (found.mean, found.low, found.high, found.n) == (4.0, None, None, 1)
    assert not found.excludes_zero


@pytest.mark.parametrize("function", [over_seeds, over_images])
def test_nothing_is_refused(function: object) -> None:
    with pytest.raises(ValueError, match="at least one value"):
        function([] if function is over_seeds else {0: scores(NAN)})  # type: ignore[operator]


def test_pairs_by_name_within_a_seed() -> None:
    ours = {0: scores(5, 6, 7), 1: scores(1, 2, 3), 2: scores(0, 0, 0)}
    # The rows of the other run stand in another order, one picture and one seed are missing.
    theirs = {0: scores(1, 1, 1)[::-1], 1: scores(1, 1)}
    found = paired_difference(ours, theirs)
    assert {seed: series.to_dict() for seed, series in found.items()} == {
        0: {"0.png": 4, "1.png": 5, "2.png": 6},
        1: {"0.png": 0, "1.png": 1},
    }


def test_missing_scores_are_left_out_of_both_sides() -> None:
    found = paired_difference({0: scores(1, NAN, 3, np.inf)}, {0: scores(0, 0, NAN, 0)})
    assert found[0].to_dict() == {"0.png": 1}
    assert seed_means({0: scores(1, NAN, np.inf, 3), 1: scores(NAN)}) == {0: 2.0}


def test_summary_names_what_it_covers() -> None:
    one = summarize({7: scores(1, 2, 3, 4)})
    two = summarize({7: scores(1, 2, 3, 4), 8: scores(2, 3, 4, 5)})
    assert one is not None and two is not None
    assert (one.over, one.n, one.mean) == (OVER_IMAGES, 4, 2.5)
    assert (two.over, two.n, two.mean) == (OVER_SEEDS, 2, 3.0)
    assert one.low is not None and one.high is not None and 1 <= one.low < 2.5 < one.high <= 4
    assert summarize({}) is None
    assert summarize({0: scores(NAN, NAN)}) is None


def test_pairing_removes_what_pictures_and_seeds_share() -> None:
    random = np.random.default_rng(1)
    pictures = random.normal(0, 10, 200)
    theirs = {seed: scores(*(pictures + random.normal(0, 5))) for seed in range(3)}
    ours = {seed: values + 0.5 + random.normal(0, 0.01, 200) for seed, values in theirs.items()}
    alone, paired = summarize(ours), summarize(paired_difference(ours, theirs))
    assert alone is not None and paired is not None
    assert paired.excludes_zero and paired.mean == pytest.approx(0.5, abs=0.01)
    assert not alone.excludes_zero


def test_equal_runs_do_not_differ() -> None:
    runs = {seed: scores(1, 2, 3) for seed in range(3)}
    difference = summarize(paired_difference(runs, runs))
    assert difference is not None and (difference.low, difference.high) == (0.0, 0.0)
    assert not difference.excludes_zero


def test_excludes_zero() -> None:
    assert Interval(1, 0.5, 1.5, 0.95, OVER_SEEDS, 3).excludes_zero
    assert Interval(-1, -1.5, -0.5, 0.95, OVER_SEEDS, 3).excludes_zero
    assert not Interval(1, -0.5, 2.5, 0.95, OVER_SEEDS, 3).excludes_zero


def test_bootstrap_is_repeatable_and_follows_its_seed() -> None:
    runs = {0: scores(*np.random.default_rng(2).normal(size=50))}
    assert over_images(runs) == over_images(runs)
    assert over_images(runs, seed=1) != over_images(runs)


def test_bootstrap_agrees_with_the_standard_error_where_pictures_are_all_there_is() -> None:
    values = np.random.default_rng(3).normal(size=2000)
    found = over_images({0: scores(*values)})
    assert found.low is not None and found.high is not None
    assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(2000), rel=0.1)


def test_only_the_interval_over_seeds_covers_the_truth_of_three_seeds() -> None:
    """Three seeds that scatter by 1, 100 pictures that scatter by 3, true mean 0."""
    random = np.random.default_rng(4)
    trials = 1500
    runs = [
        {seed: scores(*(random.normal(0, 1) + random.normal(0, 3, 100))) for seed in range(3)} for _ in range(trials)
    ]

    def coverage(intervals: list[Interval]) -> float:
        return float(np.mean([not interval.excludes_zero for interval in intervals]))

    by_seed = coverage([over_seeds(list(seed_means(run).values())) for run in runs])
    by_image = coverage([over_images(run, resamples=200) for run in runs[:300]])
    assert by_seed == pytest.approx(0.95, abs=0.02)
    assert by_image < 0.6


def test_what_has_no_seeds_is_paired_with_every_seed() -> None:
    fixed = {None: scores(1, 2)}
    trained = {0: scores(2, 4), 1: scores(3, 5)}
    ahead, behind = paired_difference(trained, fixed), paired_difference(fixed, trained)
    assert {seed: series.tolist() for seed, series in ahead.items()} == {0: [1, 2], 1: [2, 3]}
    assert {seed: series.tolist() for seed, series in behind.items()} == {0: [-1, -2], 1: [-2, -3]}
    assert paired_difference(fixed, {None: scores(4, 4)})[None].tolist() == [-3, -2]
    assert (count_seeds(fixed), count_seeds(ahead)) == (0, 2)
    found, difference = summarize(fixed), summarize(ahead)
    assert found is not None and difference is not None
    assert (found.mean, found.over, found.n) == (1.5, WITHOUT_SEEDS, 2)
    assert (difference.mean, difference.over, difference.n) == (2.0, OVER_SEEDS, 2)
