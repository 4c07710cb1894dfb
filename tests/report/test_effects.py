"""Marginal effects of axes, and the Pareto front."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from henkan.report.effects import effect_lines, effects, effects_table
from henkan.report.figures.plane import plane
from henkan.report.front import front, pareto
from henkan.report.read import read_study
from henkan.report.study import Study


def study(folder: Path, scores: dict[tuple[str, str, int], "pd.DataFrame"], **plan: Any) -> Study:
    """Write a study of (loss, width, seed) -> scores, and read it."""
    runs, configurations = [], {}
    for number, ((loss, width, seed), table) in enumerate(scores.items()):
        place = folder / "runs" / str(number)
        place.mkdir(parents=True)
        (place / "run.json").write_text(json.dumps({"status": "done", "seed": seed}))
        table.rename_axis("file").to_csv(place / "scores.csv")
        name = f"{loss} {width}" if width else loss
        point = {"generator.width": f"width={width}"} if width else {}
        overrides = [f"loss=[{loss}]", f"generator.width={width}"]
        configurations[name] = {"variant": loss, "point": point, "overrides": overrides}
        runs.append({"configuration": name, "seed": seed, "folder": f"runs/{number}", "status": "done"})
    content = {
        "name": "made_up", "baseline": "mse", "seeds": sorted({seed for _, _, seed in scores}), "runs": runs,
        "configurations": configurations, "headline": ["psnr", "kid"], "plane": {"x": "psnr", "y": "kid"},
        "metrics": {"psnr": "higher", "kid": "lower", "gap": 0},
    }  # fmt: skip
    (folder / "study.json").write_text(json.dumps(content | plan))
    return read_study(folder)


def table(files: int = 4, **values: float) -> pd.DataFrame:
    names = [f"{number}.png" for number in range(files)]
    return pd.DataFrame({key: value + np.arange(files, dtype=float) for key, value in values.items()}, index=names)


@pytest.fixture
def grid(tmp_path: Path) -> Study:
    """Two losses, three widths, three seeds; width adds 1 and 3 dB, the adversary takes 2, all with luck."""
    random = np.random.default_rng(0)
    scores = {
        (loss, width, seed): table(psnr=20 + dB + (2 if loss == "mse" else 0) + random.normal(0, 0.1), kid=1.0)
        for loss in ("mse", "gan")
        for width, dB in (("0.5", 0), ("1.0", 1), ("2.0", 3))
        for seed in range(3)
    }
    return study(tmp_path, scores)


def test_an_effect_is_that_of_the_t_test_over_all_else(grid: Study) -> None:
    found = {(one.axis, one.value): one for one in effects(grid) if one.metric == "psnr"}
    assert list(found) == [("variant", "gan"), ("generator.width", "width=1.0"), ("generator.width", "width=2.0")]
    means = {
        name: np.array([float(run.scores["psnr"].mean()) for run in grid.of(name) if run.scores is not None])
        for name in grid.configurations
    }
    wider = (means["mse 2.0"] - means["mse 0.5"] + means["gan 2.0"] - means["gan 0.5"]) / 2
    wanted = stats.ttest_1samp(wider, 0).confidence_interval(0.95)
    one = found["generator.width", "width=2.0"]
    assert one.first == "width=0.5" and one.places == 2 and one.difference.n == 3
    assert one.difference.mean == pytest.approx(wider.mean())
    assert (one.difference.low, one.difference.high) == pytest.approx((wanted.low, wanted.high))
    assert found["variant", "gan"].difference.mean == pytest.approx(-2, abs=0.2)
    assert found["variant", "gan"].places == 3


def test_effects_are_said_in_words_and_as_a_table(grid: Study) -> None:
    lines = effect_lines(grid)
    assert lines[0].startswith("gan in place of mse: −") and lines[0].endswith("(mean of 3 places and 3 seeds).")
    assert lines[1].startswith("width=1.0 in place of width=0.5: +") and " dB" not in lines[1].split(" in PSNR")[1]
    # KID is the same everywhere: a difference of zero, and no interval.
    assert "0.00 in kid" in lines[1]
    told = effects_table(grid)
    assert len(told) == 6 and set(told["axis"]) == {"variant", "generator.width"}


def test_one_axis_has_no_marginal_effect(tmp_path: Path) -> None:
    alone = study(tmp_path, {("mse", width, 0): table(psnr=1, kid=1) for width in ("0.5", "1.0")})
    assert effects(alone) == [] and effect_lines(alone) == []


def test_other_pictures_and_missing_seeds_make_no_effect(tmp_path: Path) -> None:
    scores = {(loss, width, seed): table(psnr=seed, kid=1)
              for loss in ("mse", "gan") for width in ("0.5", "1.0") for seed in (0, 1)}  # fmt: skip
    del scores["gan", "1.0", 1]
    for seed in (0, 1):
        scores["mse", "1.0", seed].index = [f"other {number}" for number in range(4)]
    found = {(one.axis, one.metric): one for one in effects(study(tmp_path, scores))}
    # Of the widths only gan's pair, of one seed; of the losses only the smaller width's.
    assert found["generator.width", "psnr"].places == 1 and found["generator.width", "psnr"].difference.n == 1
    assert found["variant", "psnr"].places == 1 and found["variant", "psnr"].difference.n == 2


PLACES = {"mse": (30.0, 0.5), "gan": (29.0, 0.2), "worse": (28.5, 0.4), "same": (29.0, 0.2)}


def of_places(folder: Path, **plan: Any) -> Study:
    scores = {
        (name, "", seed): table(psnr=psnr + seed / 10, kid=kid, gap=psnr - 30.5)
        for name, (psnr, kid) in PLACES.items()
        for seed in (0, 1)
    }
    return study(folder, scores, **plan)


def test_the_front_is_of_what_nothing_beats(tmp_path: Path) -> None:
    made = of_places(tmp_path)
    assert front(made) == ["gan", "same", "mse"]
    told = "By their means, gan, same and mse are on the Pareto front of PSNR and kid; worse is not."
    assert pareto(made) == told
    drawn = plane(made)
    assert drawn is not None and "Pareto front of the means" in drawn[0].svg


def test_the_front_by_the_distance_from_a_target(tmp_path: Path) -> None:
    # With what `table` adds: one above it, on it, half below.
    made = of_places(tmp_path, plane={"x": "gap", "y": "kid"}, metrics={"gap": 0, "kid": "lower"})
    assert set(front(made)) == {"gan", "same"}


@pytest.mark.parametrize("plan", [{"plane": None}, {"metrics": {"psnr": None, "kid": "lower"}}])
def test_without_a_plane_or_a_way_there_is_no_front(tmp_path: Path, plan: dict[str, Any]) -> None:
    made = of_places(tmp_path, **plan)
    assert front(made) == [] and pareto(made) == ""


def test_a_variant_that_trains_nothing_leaves_the_others_their_axis(tmp_path: Path) -> None:
    """The same in every seed: 1 dB of the trained one and none of the other are half of it."""
    scores = {
        (loss, width, seed): table(psnr=20 + seed + (1 if (loss, width) == ("mse", "1.0") else 0), kid=1.0)
        for loss, seeds in (("mse", (0, 1)), ("telea", (0,)))
        for width in ("0.5", "1.0")
        for seed in seeds
    }
    made = study(tmp_path, scores)
    content = json.loads((tmp_path / "study.json").read_text())
    for node in content["runs"]:
        if "telea" in node["configuration"]:
            node["seed"] = None
            (tmp_path / node["folder"] / "run.json").write_text(json.dumps({"status": "done", "seed": None}))
    (tmp_path / "study.json").write_text(json.dumps(content))
    found = {(one.axis, one.metric): one for one in effects(read_study(made.folder))}
    assert found["generator.width", "psnr"].places == 2 and found["generator.width", "psnr"].difference.n == 2
    assert found["generator.width", "psnr"].difference.mean == pytest.approx(0.5)
