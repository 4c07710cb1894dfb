"""A report of a study in any state: what it counts, names, leaves out, and says when there is nothing yet."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tiny_report import MakeStudy, read, set_status

from henkan.errors import UserError
from henkan.files import digests
from henkan.report.read import read_study
from henkan.report.statistics import OVER_IMAGES, OVER_SEEDS
from henkan.report.write import table, write_report
from henkan.runs.killed import KILLED
from henkan.runs.locks import LOCK, lock
from henkan.runs.record import write_record
from henkan.verbs.report import main


@pytest.mark.slow
def test_a_report_is_written_without_torch() -> None:
    names = ("henkan.verbs.report", "henkan.report.page", "henkan.report.gathered", "henkan.report.tables")
    code = f"import sys, {', '.join(names)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_tables_hold_the_numbers(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60)
    write_report(folder)
    scores = pd.read_csv(folder / "scores.csv")
    assert list(scores.columns) == ["configuration", "seed", "file", "metric", "value"]
    assert len(scores) == 9 * (40 * 5 + 1)
    rows = pd.read_csv(folder / "summary.csv").set_index(["configuration", "metric"])
    psnr = scores[scores["metric"] == "psnr_hole"].groupby(["configuration", "seed"])["value"].mean()
    row = rows.loc[("gan_0.02", "psnr_hole")]
    difference = psnr["gan_0.02"] - psnr["mse"]
    assert row["mean"] == pytest.approx(psnr["gan_0.02"].mean())
    assert row["difference"] == pytest.approx(difference.mean())
    reach = 4.302652729749464 * difference.std() / np.sqrt(3)
    assert row["difference_high"] - row["difference_low"] == pytest.approx(2 * reach)
    assert (row["n_seeds"], row["over"], row["difference_over"]) == (3, OVER_SEEDS, OVER_SEEDS)
    assert row["excludes_zero"] in (True, "True")
    assert np.isnan(rows.loc[("mse", "psnr_hole")]["difference"])
    assert rows.loc[("mse", "kid_lite0")]["n_seeds"] == 3


def test_after_the_first_seed(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60, done=3)
    page = read(write_report(folder))
    assert "With one seed so far, which cannot speak for others, against mse" in page.text
    assert "3 of 9 runs done, 1 running, 5 waiting" in page.text
    assert "it says nothing about another seed" in page.text
    assert "over pictures, 1 seed" in page.text and "1 seed, no interval" in page.text
    rows = pd.read_csv(folder / "summary.csv").set_index(["configuration", "metric"])
    row = rows.loc[("gan_0.02", "psnr_hole")]
    assert (row["n_seeds"], row["over"], row["difference_over"]) == (1, OVER_IMAGES, OVER_IMAGES)
    assert len(page.pictures) == 12 * 5


def test_in_the_middle_of_the_second_seed(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60, done=5)
    page = read(write_report(folder))
    assert "Over 2 of 3 seeds, against mse" in page.text
    assert "gan_0.002 is" in page.text
    assert "gan_0.02 (over 1 seed only) is better" in page.text


@pytest.mark.parametrize("done", [0, 1])
def test_before_there_is_anything_to_compare(make_study: MakeStudy, done: int) -> None:
    folder = make_study(iterations=60, done=done)
    page = read(write_report(folder))
    assert "No answer yet" in page.text
    assert f"{done} of 9 runs done, 1 running" in page.text
    assert ("No run has been scored yet" in page.text) == (done == 0)
    assert "No answer yet" in table(folder)
    assert pd.read_csv(folder / "scores.csv").empty == (done == 0)


def test_a_study_of_one_seed(make_study: MakeStudy) -> None:
    page = read(write_report(make_study(iterations=60, seeds=(5,), done=3)))
    assert "With one seed so far" in page.text
    assert "seed 5" in page.text.lower()


def test_a_failed_run_is_named_and_not_counted(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60)
    failed = set_status(folder, 8, "failed")
    record = json.loads((failed / "run.json").read_text())
    error = "TrainingFailed: loss/adversarial is NaN at iteration 41 <script>alert(1)</script>"
    (failed / "run.json").write_text(json.dumps(record | {"status": "failed", "error": error}))
    page = read(write_report(folder))
    assert "8 of 9 runs done, 1 failed" in page.text
    assert error in page.text  # as text: had it been a tag, the parser would have swallowed it
    rows = pd.read_csv(folder / "summary.csv").set_index(["configuration", "metric"])
    assert rows.loc[("gan_0.02", "psnr_hole")]["difference_n_seeds"] == 2
    assert rows.loc[("gan_0.002", "psnr_hole")]["difference_n_seeds"] == 3
    assert page.pictures.count("color/svg/0000.svg, target") == 3


def test_what_was_killed_with_its_study_is_called_interrupted(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60)
    killed = set_status(folder, 8, "running")
    record = {"status": "running", "iterations": 60, "seed": 2, "process": "1@elsewhere"}
    (killed / "run.json").write_text(json.dumps(record))
    page = read(write_report(folder))
    assert "8 of 9 runs done, 1 interrupted" in page.text
    assert KILLED in page.text
    # What it has said itself stands.
    (killed / "run.json").write_text(json.dumps(record | {"status": "failed", "error": "a NaN loss"}))
    assert "8 of 9 runs done, 1 failed" in (page := read(write_report(folder))).text
    assert "a NaN loss" in page.text
    with lock(killed / LOCK):
        assert "8 of 9 runs done, 1 running" in read(write_report(folder)).text


def test_scores_that_are_no_numbers_are_left_out_and_told(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60)
    path = folder / "runs" / "0-0" / "scores.csv"
    scores = pd.read_csv(path)
    scores.loc[3, "psnr_hole"] = np.nan
    scores.loc[4, "psnr_hole"] = np.inf
    scores["lite0_distance"] = np.nan
    scores.to_csv(path, index=False)
    page = read(write_report(folder))
    assert "PSNR in the hole: 2 scores that are no numbers are left out." in page.text
    rows = pd.read_csv(folder / "summary.csv").set_index(["configuration", "metric"])
    assert rows.loc[("mse", "psnr_hole")]["n_seeds"] == 3
    assert rows.loc[("mse", "lite0_distance")]["n_seeds"] == 2
    assert np.isfinite(rows.loc[("mse", "psnr_hole")]["mean"])
    assert "nan" not in page.text.lower().split()


def test_an_absent_metric_is_said_to_be_absent(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60, done=3)
    why = {"lpips_alex": "alexnet-owt-7be5be79.pth is missing"}
    (folder / "runs" / "0-0" / "absent_scores.json").write_text(json.dumps(why))
    assert "LPIPS (alex) is absent: alexnet-owt-7be5be79.pth is missing" in read(write_report(folder)).text


def test_a_file_that_is_being_written_is_read_to_its_last_line(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60, done=1)
    path = folder / "runs" / "0-1" / "metrics.csv"
    path.write_text(path.read_text() + "9999,joint,0.")
    curves = read_study(folder).runs[1].curves
    assert curves is not None and curves["iteration"].max() < 9999
    assert "1 of 9 runs done, 1 running" in read(write_report(folder)).text
    (folder / "runs" / "0-1" / "run.json").write_text('{"status": "runn')
    path.write_text("iteration,phase,loss/mse\n")
    assert read_study(folder).runs[1].curves is None
    assert "1 of 9 runs done, 1 running" in read(write_report(folder)).text


def test_a_folder_without_a_study_is_refused(tmp_path: Path, make_study: MakeStudy) -> None:
    with pytest.raises(UserError, match=r"holds no study: study\.json is missing"):
        write_report(tmp_path / "nowhere")
    with pytest.raises(UserError, match="no configuration is of the baseline variant 'l2'"):
        write_report(make_study(iterations=60, baseline="l2"))


def test_the_terminal_table(make_study: MakeStudy) -> None:
    text = table(make_study(iterations=60))
    assert "gan_0.002" in text and "Over 3 seeds, against mse" in text
    assert "\x1b" not in text


def test_scores_stand_beside_the_number_of_pictures(make_study: MakeStudy) -> None:
    folder = make_study(iterations=60, images=7)
    assert "mse_vs_gan: test scores, 7 pictures" in table(folder)
    assert "Mean over 7 pictures with its 95 % interval" in read(write_report(folder)).text
    first = next(folder.glob("runs/*/scores.csv"))
    first.write_text("\n".join(first.read_text().splitlines()[:-2]) + "\n")
    assert "test scores, 5 to 7 pictures" in table(folder)


def test_the_verb(make_study: MakeStudy, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_study(iterations=60, done=3)
    assert main([str(folder), "--page"]) == 0
    assert (folder / "report.html").exists() and not (folder / "scores.csv").exists()
    assert main([str(folder), "--publish", str(folder / "results")]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(folder / "report.html")
    assert (folder / "results" / "summary.csv").exists()


def test_scores_that_were_edited_since_are_named_and_not_counted(make_study: MakeStudy, capsys: Any) -> None:
    folder = make_study(iterations=60)
    run = read_study(folder).runs[0].folder
    record = json.loads((run / "run.json").read_text())
    write_record(run, {**record, "digests": digests(run, ("metrics.csv", "scores.csv", "pictures/*"))})
    before = read_study(folder).runs[0]
    assert before.altered == [] and before.scores is not None and before.pictures
    (run / "scores.csv").write_text((run / "scores.csv").read_text().replace("1", "2", 1))
    (run / "metrics.csv").write_text("")
    after = read_study(folder).runs[0]
    assert after.scores is None and after.curves is None and after.pictures
    page = read(write_report(folder)).text
    assert f"and not counted: metrics.csv, scores.csv of {run.name}" in page
    assert f"{run.name}: edited or damaged since, and not counted: metrics.csv, scores.csv" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "{", "[]", "\0"])
def test_a_damaged_study_is_one_line(content: str, make_study: MakeStudy) -> None:
    folder = make_study(iterations=60)
    (folder / "study.json").write_text(content)
    with pytest.raises(UserError, match=r"study\.json is .*henkan study writes it again"):
        write_report(folder)
