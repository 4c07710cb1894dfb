"""Verdicts: corrected over a family, closer to a target, of runs that are one; and what more seeds would show."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tiny_report import change, read

from henkan.report.answer import power
from henkan.report.comparisons import Comparison, compare
from henkan.report.plan import PlannedConfiguration
from henkan.report.read import read_study
from henkan.report.run import Run
from henkan.report.statistics import Interval, detectable, p_value
from henkan.report.study import Study
from henkan.report.words import number
from henkan.report.write import table, write_report


def small(folder: Path, values: dict[str, list[list[float]]], **plan: Any) -> Study:
    """Write a study of psnr alone: configuration -> seed -> its pictures' scores; `base` is the baseline."""
    runs = []
    for name, seeds in values.items():
        for seed, one in enumerate(seeds):
            place = folder / f"{name}-{seed}"
            place.mkdir()
            (place / "run.json").write_text(json.dumps({"status": "done", "iterations": 1, "seconds": 1.0}))
            table = pd.DataFrame({"file": [f"{k}.png" for k in range(len(one))], "psnr": one, "ssim": one})
            table.to_csv(place / "scores.csv", index=False)
            runs.append({"configuration": name, "seed": seed, "folder": place.name, "status": "done"})
    nodes = {name: {"variant": name, "overrides": [f"loss=[{name}]"]} for name in values}
    seeds = list(range(max(map(len, values.values()))))
    content = {"name": "small", "baseline": "base", "headline": ["psnr"],
               "metrics": {"psnr": "higher", "ssim": "higher"}, "seeds": seeds, "configurations": nodes,
               "runs": runs}  # fmt: skip
    (folder / "study.json").write_text(json.dumps(content | plan))
    return read_study(folder)


def replace_plan(study: Study, **entries: Any) -> Study:
    return Study(study.folder, {**study.plan, **entries}, study.runs)


def row_of(study: Study, configuration: str, key: str = "psnr") -> Comparison:
    return next(row for row in compare(study) if (row.configuration, row.metric) == (configuration, key))


def test_verdicts_are_corrected_over_the_declared_family(tmp_path: Path) -> None:
    base = [[0.0], [0.0], [0.0]]
    # t = 4.59 (p 0.044) and 3.46 (p 0.074): the first alone would be a verdict.
    values = {"base": base, "a": [[0.71], [1.0], [1.39]], "b": [[0.5], [1.0], [1.5]]}
    study = small(tmp_path, values)
    row = row_of(study, "a")
    assert row.p == pytest.approx(stats.ttest_1samp([0.71, 1.0, 1.39], 0).pvalue) and row.p < 0.05
    assert row.corrected == pytest.approx(2 * row.p)
    assert row.verdict == "unclear" and row.difference is not None and row.difference.excludes_zero
    assert row_of(study, "b").corrected == pytest.approx(max(2 * row.p, row_of(study, "b").p or 0))
    # Without a headline all that is scored is the family: four comparisons.
    assert row_of(replace_plan(study, headline=[]), "a").corrected == pytest.approx(4 * row.p)
    # Outside of the family nothing is corrected, and that is said.
    assert (row_of(study, "a", "ssim").corrected, row_of(study, "a", "ssim").verdict) == (None, "better")
    change(tmp_path, headline=["psnr", "ssim"], family=["psnr"])
    page = read(write_report(tmp_path)).text
    assert "a is better in SSIM (+1.0, uncorrected) and not clearly different in PSNR" in page
    assert "verdicts are corrected (Holm) for 2 comparisons in PSNR" in page
    assert "In other metrics verdicts are uncorrected: hints." in page
    rows = pd.read_csv(tmp_path / "summary.csv").set_index(["configuration", "metric"])
    assert rows.loc[("a", "psnr")]["verdict"] == "unclear" and np.isnan(rows.loc[("a", "ssim")]["p_corrected"])


def test_two_seeds_that_happen_to_agree_make_no_verdict_where_others_scatter(tmp_path: Path) -> None:
    values = {"base": [[0.0], [0.0]], "lucky": [[1.0], [1.001]], "other": [[0.0], [2.0]], "third": [[3.0], [2.0]]}
    row = row_of(small(tmp_path, values), "lucky")
    assert row.difference is not None and row.difference.excludes_zero and row.lucky and row.verdict == "unclear"
    assert row.p == pytest.approx(p_value([1.0, 1.001], least=float(np.sqrt((2 + 0.5 + 5e-7) / 3))))
    assert "not clearly different in PSNR (two seeds, closer than others' here)" in read(write_report(tmp_path)).text
    (tmp_path / "alone").mkdir()
    alone = row_of(small(tmp_path / "alone", {name: values[name] for name in ("base", "lucky")}), "lucky")
    assert (alone.lucky, alone.verdict) == (False, "better")


def test_equal_seeds_and_equal_pictures_are_told(tmp_path: Path) -> None:
    base = [[1.0, 2.0], [1.5, 2.5]]
    values = {"base": base, "shifted": [[2.0, 3.0], [2.5, 3.5]], "same": base}
    study = small(tmp_path, values)
    shifted, same = row_of(study, "shifted"), row_of(study, "same")
    assert (shifted.verdict, shifted.doubt) == ("unclear", "2 seeds agree, no interval")
    assert (same.verdict, same.doubt, same.p) == ("equal", "the same in every picture", None)
    page = read(write_report(tmp_path)).text
    assert "same is equal in PSNR" in page and "2 seeds agree, no interval" in page


def test_configurations_that_are_one_run_are_named_and_counted_once(tmp_path: Path) -> None:
    values = {"base": [[0.0], [0.0], [0.0]], "a": [[1.0], [1.1], [1.2]], "twin": [[1.0], [1.1], [1.2]]}
    small(tmp_path, values)
    runs = json.loads((tmp_path / "study.json").read_text())["runs"]
    for run in runs:
        run["folder"] = run["folder"].replace("twin", "a")
    change(tmp_path, runs=runs)
    study = read_study(tmp_path)
    row = row_of(study, "twin")
    assert row.corrected == row.p == row_of(study, "a").corrected
    assert "6 of 6 runs done" in read(write_report(tmp_path)).text
    said = "One and the same run: a and twin. What sets them apart has no effect."
    assert said in read(write_report(tmp_path)).text and "One and the same run" in table(tmp_path)


def test_power_is_said_in_words(tmp_path: Path) -> None:
    values = {"base": [[0.0]] * 3, "a": [[0.0], [1.0], [2.0]], "b": [[3.0], [5.0], [4.0]]}
    study = small(tmp_path, values)
    rows = compare(study)
    three, eight = (number(detectable(1.0, seeds, 2), 1) for seeds in (3, 8))
    assert power(study, rows) == (
        f"Three seeds would show {three} dB in PSNR here; eight would show {eight} dB in PSNR (four times in five, by "
        "the scatter of the paired differences, corrected for 2 comparisons)."
    )
    assert power(study, rows) in read(write_report(tmp_path)).text
    first = Study(tmp_path, study.plan, [run for run in study.runs if run.seed == 0])
    assert power(first, compare(first)) == ""


# What configurations truly differ by in SSIM, and how much their seeds scatter in PSNR.
SHIFTS = {"base": 0.0, "a": 0.3, "b": -0.2, "c": 1.0}
LUCK = {"base": 0.5, "a": 0.5, "b": 0.2, "c": 0.8}


def drawn(random: np.random.Generator, seeds: int) -> Study:
    """Return a study of three configurations against a baseline, of which nothing is on disk.

    Pictures are the same for all and differ much, seeds differ a little. The family, PSNR and a gap whose mean lies
    about its target, has no true difference; SSIM, which is not of it, differs by `SHIFTS`.
    """
    difficulty, files = stats.zscore(random.normal(size=12)), [f"{number}.png" for number in range(12)]
    runs = []
    for name, seed in itertools.product(SHIFTS, range(seeds)):
        psnr, gap, ssim = random.normal((25, 0, SHIFTS[name]), (LUCK[name], 0.4, 0.4))
        table = {"psnr": psnr + 3 * difficulty, "gap": gap + 0.3 * difficulty, "ssim": ssim + difficulty}
        run = Run(name, seed, Path(f"{name}-{seed}"), "done", {})
        # As if they had been read.
        vars(run).update(scores=pd.DataFrame(table, index=files), set_scores={}, absent_scores={})
        runs.append(run)
    nodes: dict[str, PlannedConfiguration] = {name: {"variant": name, "overrides": []} for name in SHIFTS}
    return Study(Path(), {"baseline": "base", "headline": ["psnr", "gap"],
                          "metrics": {"psnr": "higher", "gap": 0.0, "ssim": "higher"}, "seeds": list(range(seeds)),
                          "configurations": nodes, "runs": []}, runs)  # fmt: skip


def covers(interval: Interval | None, truth: float) -> bool:
    assert interval is not None and interval.low is not None and interval.high is not None
    return interval.low <= truth <= interval.high


@pytest.mark.parametrize("seeds", [2, 3])
@pytest.mark.parametrize("families", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_the_level_of_verdicts_and_the_coverage_of_intervals(seeds: int, families: int) -> None:
    """Of families without a difference one in twenty has a verdict at most, of intervals 19 in 20 cover the truth."""
    random = np.random.default_rng(8)
    wrong, uncorrected = 0, 0
    covered: dict[str, list[bool]] = {"value": [], "difference": []}
    for _ in range(families):
        rows = compare(drawn(random, seeds))
        family = [row for row in rows if row.corrected is not None]
        assert len(family) == 6 and {row.metric for row in family} == {"psnr", "gap"}
        wrong += any(row.verdict not in ("unclear", "equal") for row in family)
        uncorrected += any(not covers(row.difference, 0) for row in family)
        for row in (row for row in rows if row.metric == "ssim"):
            covered["value"].append(covers(row.value, SHIFTS[row.configuration]))
            if row.configuration != "base":
                covered["difference"].append(covers(row.difference, SHIFTS[row.configuration]))
    # With room for luck: two standard errors of a share of 5 % of so many. Comparisons of one family go together.
    room = 2 * np.sqrt(0.05 * 0.95 / families)
    assert wrong / families <= 0.05 + room and uncorrected / families > 0.15
    assert {name: np.mean(found) for name, found in covered.items()} == pytest.approx(
        {"value": 0.95, "difference": 0.95}, abs=room
    )


@pytest.mark.parametrize(("key", "better"), [("gradient_gap_hole", None), ("mine", 0), ("mine", 0.0)])
def test_a_metric_with_a_target_is_closer_or_farther(key: str, better: float | None, tmp_path: Path) -> None:
    values = {
        "base": [[-0.3], [-0.32], [-0.29]],
        "near": [[-0.1], [-0.13], [-0.09]],
        # As near, from above: in "higher" and "lower" it would be the farthest of all.
        "over": [[0.1], [0.12], [0.08]],
        "far": [[-0.9], [-0.93], [-0.89]],
        "beyond": [[0.3], [0.31], [0.3]],
    }
    small(tmp_path, values)
    for place in tmp_path.glob("*/scores.csv"):
        place.write_text(place.read_text().replace("psnr", key))
    change(tmp_path, headline=[key], metrics={key: better})
    rows = {row.configuration: row for row in compare(read_study(tmp_path)) if row.metric == key}
    assert [rows[name].verdict for name in values] == [None, "closer", "closer", "farther", "unclear"]
    assert rows["near"].distance is not None and rows["near"].distance.mean == pytest.approx(-0.59 / 3)
    assert rows["over"].meeting == pytest.approx((-0.91 / 3, 0.1))
    page = read(write_report(tmp_path)).text
    place = "the true gradient in the hole" if key == "gradient_gap_hole" else "0 in mine"
    assert re.search(rf"near is closer to {place} \(−0\.30+\d* → −0\.1\d*\)", page)
    assert "closer to 0 is better" in page and "▲ better or closer to the target" in page
    assert f"far is farther to {place}" not in page and f"far is farther from {place}" in page
    assert "→ 0" in table(tmp_path)
