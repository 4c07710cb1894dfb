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
    detectable,
    holm,
    over_images,
    over_seeds,
    p_value,
    paired_difference,
    paired_distance,
    pooled_deviation,
    seed_means,
    significance,
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
    assert difference is not None and (difference.mean, difference.low, difference.high) == (0.0, None, None)
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


@pytest.mark.parametrize("values", [[3.0, 3.0], [0.1 + 0.2, 0.3], [-1.5] * 5])
def test_equal_seeds_make_no_interval_of_zero_width(values: list[float]) -> None:
    found = over_seeds(values)
    assert (found.mean, found.low, found.high, found.n) == (pytest.approx(values[0]), None, None, len(values))
    assert not found.excludes_zero and p_value(values) is None


def test_p_is_that_of_the_t_test_and_goes_with_the_interval() -> None:
    random = np.random.default_rng(5)
    for size in (2, 3, 8):
        values = list(random.normal(0.5, 1, size))
        found = p_value(values)
        assert found == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
        assert found is not None and (found <= 0.05) == over_seeds(values).excludes_zero
    assert p_value([1.0]) is None
    # A deviation of its own that is not believed: t = 2 / (4 / sqrt 2), one degree of freedom.
    assert p_value([1.9, 2.1], least=4.0) == pytest.approx(1 - 2 / np.pi * np.arctan(2 * np.sqrt(2) / 4))
    assert p_value([0.0, 6.0], least=0.1) == p_value([0.0, 6.0])


def test_p_goes_over_what_the_interval_goes_over() -> None:
    runs = {0: scores(1, 2, 4), 1: scores(2, 3, 3)}
    assert significance(runs) == p_value([7 / 3, 8 / 3])
    assert significance({0: runs[0]}) == significance({None: runs[0]}) == p_value([1, 2, 4])
    assert significance({}) is None and significance({0: scores(NAN)}) is None
    assert significance({**runs, 2: scores(0, 0, 0)}, least=100) == significance({**runs, 2: scores(0, 0, 0)})


def test_pooled_deviation() -> None:
    assert pooled_deviation([[1.0, 2.0, 3.0]]) == pytest.approx(1)
    # Squares about the means 2, 8 and none, over 2 + 1 degrees of freedom.
    assert pooled_deviation([[1.0, 2.0, 3.0], [0.0, 4.0], [7.0], []]) == pytest.approx(np.sqrt(10 / 3))
    assert pooled_deviation([[1.0], []]) is None


@pytest.mark.parametrize(
    ("raw", "corrected"),
    [
        # Holm's own steps, as statsmodels' multipletests(method="holm") gives them.
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.2], [0.2]),
        ([0.5, 0.6], [1.0, 1.0]),
        ([], []),
    ],
)
def test_holm(raw: list[float], corrected: list[float]) -> None:
    assert holm(raw) == pytest.approx(corrected)


def test_holm_keeps_the_level_of_a_family_whose_members_share_their_baseline() -> None:
    """Three seeds, four configurations against one baseline in two metrics that go together; nothing differs."""
    random = np.random.default_rng(6)
    trials, wrong, uncorrected = 4000, 0, 0
    runs = random.normal(size=(trials, 5, 2, 3))
    runs[:, :, 1] += runs[:, :, 0]
    differences = (runs[:, 1:] - runs[:, :1]).reshape(trials, 8, 3)
    p = stats.ttest_1samp(differences, 0, axis=-1).pvalue
    for row in p:
        wrong += min(holm(list(row))) <= 0.05
        uncorrected += row.min() <= 0.05
    assert wrong / trials <= 0.055 and uncorrected / trials > 0.15


@pytest.mark.parametrize(("seeds", "comparisons"), [(3, 1), (8, 1), (8, 12), (30, 4)])
def test_the_difference_that_shows_is_that_of_the_noncentral_t(seeds: int, comparisons: int) -> None:
    found = detectable(2.0, seeds, comparisons)
    limit = stats.t.isf(0.025 / comparisons, seeds - 1)
    power = stats.nct(seeds - 1, found / 2.0 * np.sqrt(seeds))
    assert power.sf(limit) + power.cdf(-limit) == pytest.approx(0.8, abs=2e-3)


def test_the_difference_that_shows_far_out_and_in_an_experiment() -> None:
    # Two seeds: the deviation is |z|, so the t passes where |z| is below shift / limit, and that has to be 0.8.
    limit = stats.t.isf(0.025 / 50, 1)
    assert detectable(1.0, 2, 50) == pytest.approx(stats.norm.isf(0.1) * limit / np.sqrt(2), rel=0.01)
    random = np.random.default_rng(7)
    shown = stats.ttest_1samp(random.normal(detectable(0.3, 3, 4), 0.3, (20000, 3)), 0, axis=1).pvalue <= 0.05 / 4
    assert shown.mean() == pytest.approx(0.8, abs=0.01)
    assert detectable(0.3, 8, 4) < detectable(0.3, 3, 4) < detectable(0.3, 3, 8)
    with pytest.raises(ValueError, match="two seeds"):
        detectable(1.0, 1, 1)


def test_the_distance_from_a_target_is_that_of_the_means() -> None:
    ours, theirs = {0: scores(0.1, 0.5), 1: scores(-1, 3)}, {0: scores(-0.9, -0.5), 1: scores(4, 2)}
    found = paired_distance(ours, theirs, target=0.2)
    # |0.3 - 0.2| - |-0.7 - 0.2| and |1 - 0.2| - |3 - 0.2|.
    assert {seed: values.mean() for seed, values in found.items()} == {0: pytest.approx(-0.8), 1: pytest.approx(-2.0)}
    # On the same side it is the difference, or its opposite.
    below = {0: scores(-1, -2)}, {0: scores(-3, -1)}
    assert paired_distance(*below, 0)[0].tolist() == (-paired_difference(*below)[0]).tolist()
    # A seed that misses one picture is compared on the other.
    assert paired_distance({0: scores(1, NAN)}, {0: scores(-3, 50)}, 0)[0].tolist() == [-2]
