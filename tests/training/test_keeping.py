from __future__ import annotations

import pytest

from henkan.errors import UserError
from henkan.training.keeping import Keeping, keeping
from henkan.training.recorder import Row


def curves(*scores: float | None) -> list[Row]:
    """Return a row every 10 iterations, with or without a score."""
    rows = enumerate(scores, 1)
    return [{"iteration": 10 * k, **({} if score is None else {"val/psnr": score})} for k, score in rows]


def config(score: str = "val/psnr", best: int = 2) -> dict[str, object]:
    metric = {
        "psnr": {"_target_": "henkan.metrics.psnr.PSNR", "better": "higher"},
        "l1": {"_target_": "henkan.metrics.l1.L1", "better": "lower"},
        "colorfulness": {"_target_": "henkan.metrics.color.Colorfulness", "better": None},
        # Of a whole set, which validation does not score.
        "kid_lite0": {"_target_": "henkan.metrics.lite0.KIDLite0", "better": "lower"},
    }
    keep = {"every": None, "minutes": None, "best": best, "score": score}
    return {"checkpoint": {"keep": keep}, "validation": {"every": 10}, "metric": metric}


def test_nothing_stays_unless_it_is_asked_for() -> None:
    assert not any(Keeping().due(iteration) for iteration in range(1, 100))
    assert Keeping().staying([10, 20], curves(1.0, 2.0)) == set()


def test_multiples_stay() -> None:
    policy = Keeping(every=20)
    assert [iteration for iteration in range(1, 61) if policy.due(iteration)] == [20, 40, 60]
    assert policy.staying([15, 20, 40, 45], curves(1.0)) == {20, 40}


def test_the_best_so_far_stay_in_the_metric_s_own_direction() -> None:
    scores = curves(20.0, 23.0, 21.0, 22.0)
    assert Keeping(best=2, score="val/psnr").staying([10, 20, 30, 40], scores) == {20, 40}
    assert Keeping(best=2, score="val/psnr", higher=False).staying([10, 20, 30, 40], scores) == {10, 30}
    # 10 is gone already; of what is there 30 is second.
    assert Keeping(best=2, score="val/psnr").staying([20, 30], scores) == {20, 30}


def test_of_equal_scores_the_earlier_is_better_and_what_is_no_number_never_is() -> None:
    assert Keeping(best=1, score="val/psnr").staying([10, 20, 30], curves(5.0, 5.0, float("nan"))) == {10}
    assert Keeping(best=3, score="val/psnr").staying([10, 20, 30], curves(5.0, None, float("nan"))) == {10}


def test_both_rules_together() -> None:
    policy = Keeping(every=30, best=1, score="val/psnr", validated=10)
    assert policy.staying([10, 20, 30, 40], curves(1.0, 9.0, 2.0, 3.0)) == {20, 30}
    assert policy.due(10) and policy.due(30) and not policy.due(15)


@pytest.mark.parametrize("minutes", [0, -1.5])
def test_a_clock_that_never_waits_is_refused(minutes: float) -> None:
    given = config()
    given["checkpoint"]["keep"]["minutes"] = minutes  # type: ignore[index]
    with pytest.raises(UserError, match=f"checkpoint.keep.minutes={minutes} must be above 0"):
        keeping(given)


def test_the_direction_comes_from_the_metric() -> None:
    assert keeping(config()) == Keeping(None, 2, "val/psnr", True, 10)
    assert keeping(config("val/l1")).higher is False


@pytest.mark.parametrize("score", ["val/colorfulness", "val/ssim", "loss/mse", "val/kid_lite0"])
def test_a_score_without_a_better_direction_is_refused(score: str) -> None:
    with pytest.raises(UserError, match=f"score={score} cannot be ranked; these can: val/psnr, val/l1"):
        keeping(config(score))
    # Where nothing is ranked it does not matter.
    assert keeping(config(score, best=0)).best == 0
