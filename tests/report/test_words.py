import pytest

from henkan.report.statistics import OVER_SEEDS, Interval
from henkan.report.words import METRICS, decimals, duration, listed, metric, number, plural, rounded


def interval(mean: float, reach: float) -> Interval:
    return Interval(mean, mean - reach, mean + reach, 0.95, OVER_SEEDS, 3)


@pytest.mark.parametrize(
    ("value", "signed", "text"),
    [
        (11.954, False, "11.95"),
        (-0.926, True, "−0.93"),
        (0.04, True, "+0.04"),
        (0.001, True, "+0.00"),
        (0.0, True, "0.00"),
        (-0.0, False, "0.00"),
        (None, False, "–"),
        (float("nan"), False, "–"),
        (float("inf"), True, "–"),
    ],
)
def test_number(value: float | None, signed: bool, text: str) -> None:
    assert number(value, 2, signed) == text


@pytest.mark.parametrize(("reach", "digits"), [(50, 0), (0.2, 2), (0.0054, 3), (0.0018, 4), (1e-9, 5)])
def test_as_many_decimals_as_the_interval_deserves(reach: float, digits: int) -> None:
    assert decimals([interval(1, reach), None]) == digits


def test_decimals_without_an_interval() -> None:
    assert decimals([]) == decimals([interval(0, 0)]) == 2
    assert decimals([Interval(12.0, None, None, 0.95, OVER_SEEDS, 1)]) == 1


def test_a_metric_of_the_users_own_goes_by_its_name() -> None:
    assert metric("mine").label == "mine" and metric("mine").definition == ""
    assert all(known.definition for known in METRICS.values())


def test_sentences() -> None:
    assert (listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])) == ("a", "a and b", "a, b and c")
    assert (plural(1, "seed"), plural(2400, "iteration")) == ("1 seed", "2,400 iterations")
    counts = (0, 994, 995, 9_949, 12_345, 994_999, 999_500, 1_402_371, 2_600_000_000)
    assert [*map(rounded, counts)] == ["0", "994", "1.0 k", "9.9 k", "12 k", "995 k", "1.0 M", "1.4 M", "2.6 G"]
    assert (duration(48.2), duration(131), duration(3900)) == ("48 s", "2 min", "1 h 05 min")
