"""A study: killed in the middle it goes on, done it runs nothing, and its report stands."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
from tiny_study import STUDY, done, own

from henkan.config.studies import read_study
from henkan.launching.launcher import WarmProcesses


@pytest.mark.slow
def test_killed_and_started_again_it_runs_only_what_is_missing(
    study: Path, tiny: list[str], tmp_path: Path, processes: WarmProcesses
) -> None:
    runs = tmp_path / "runs"
    words = ["study", str(study), *own(tiny)]
    first = processes.start(words, log=tmp_path / "first.txt")
    while first.poll() is None and len(done(runs)) < 2:
        time.sleep(0.05)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    kept = {name: (runs / name / "checkpoints" / "last.ckpt").stat().st_mtime_ns for name in done(runs)}
    assert kept

    log = tmp_path / "second.txt"
    second = processes.start(words, log=log)
    assert second.wait(300) == 0, log.read_text()
    assert len(done(runs)) == 6
    for name, stamp in kept.items():
        assert (runs / name / "checkpoints" / "last.ckpt").stat().st_mtime_ns == stamp
    page = log.read_text().strip().splitlines()[-1]
    assert page.endswith("report.html")
    assert "<html" in Path(page).read_text()[:500]
    assert {run["status"] for run in json.loads((Path(page).parent / "study.json").read_text())["runs"]} == {"done"}

    since = time.monotonic()
    stamps = {path: path.stat().st_mtime_ns for path in runs.glob("*/run.json")}
    third = processes.start(words, log=tmp_path / "third.txt")
    assert third.wait(120) == 0
    assert {path: path.stat().st_mtime_ns for path in runs.glob("*/run.json")} == stamps
    assert time.monotonic() - since < 60

    # Asked for other scores, it scores and does not train.
    weights = {path: path.stat().st_mtime_ns for path in runs.glob("*/checkpoints/last.ckpt")}
    fourth = processes.start([*words, "metric=[psnr_hole,psnr,l1_hole]"], log=tmp_path / "fourth.txt")
    assert fourth.wait(120) == 0
    assert all("l1_hole" in path.read_text().splitlines()[0] for path in runs.glob("*/scores.csv"))
    assert {path: path.stat().st_mtime_ns for path in runs.glob("*/checkpoints/last.ckpt")} == weights


def test_a_failed_run_is_told_and_the_others_go_on(
    study: Path, tiny: list[str], tmp_path: Path, processes: WarmProcesses
) -> None:
    text = STUDY.replace("weights.adversarial=0.1]", "weights.adversarial=0.1, discriminator.side=7]")
    (study / "study.yaml").write_text(text)
    log = tmp_path / "log.txt"
    process = processes.start(["study", str(study), "seeds=[0]", *own(tiny)], log=log)
    assert process.wait(300) == 1, log.read_text()
    assert log.read_text().count("failed: strong, seed 0") == 1
    told = next(line for line in log.read_text().splitlines() if "another study than its file's" in line)
    assert Path(told.rpartition(" ")[2]) == read_study(str(study), ["seeds=[0]", *own(tiny)]).folder
    assert len(done(tmp_path / "runs")) == 2
    # The page has the others' scores, and the reason in place of what is missing.
    (page,) = (tmp_path / "runs").glob("studies/*/report.html")
    (run,) = [run for run in json.loads((page.parent / "study.json").read_text())["runs"] if run["status"] == "failed"]
    assert run["configuration"] == "strong"
    assert "the discriminator was built for 7x7 pixels" in run["error"]
    assert "the discriminator was built for 7x7 pixels" in page.read_text()
    # Nothing is left of files that were being written.
    assert [path for path in (tmp_path / "runs").rglob(".*") if "@" in path.name] == []


@pytest.mark.slow
def test_on_two_terminals_a_study_shares_its_runs(
    study: Path, tiny: list[str], tmp_path: Path, processes: WarmProcesses
) -> None:
    runs, words = tmp_path / "runs", ["study", str(study), *own(tiny), "jobs=1", "seeds=[0]", "evaluation.split=null"]
    both = [processes.start(words, log=tmp_path / f"{number}.txt") for number in range(2)]
    for number, process in enumerate(both):
        assert process.wait(300) == 0, (tmp_path / f"{number}.txt").read_text()
    assert len(done(runs)) == 3
    # Every process that has to do with a run ends with its folder: there was one, and it has trained.
    for name in done(runs):
        lines = (runs / name / "log.txt").read_text().splitlines()
        assert [line for line in lines if not line.startswith("henkan: ")] == [str(runs / name)], lines
        assert "henkan: done already" not in lines
    plans = [path.read_text() for path in runs.glob("studies/*/study.json")]
    assert [run["status"] for run in json.loads(plans[0])["runs"]] == ["done"] * 3
