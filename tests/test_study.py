"""A study: killed in the middle it goes on, done it runs nothing, and its report stands."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from henkan.errors import UserError
from henkan.runs.launcher import WarmProcesses
from henkan.runs.run import read_record
from henkan.study import plan_jobs, read_study, tree, work

STUDY = """
title: Tiny
question: Does it run?
recipe: glcic
scale: smoke
overrides: []
variants:
  mse: ["loss=[mse]"]
  weak: ["loss=[mse,adversarial]", weights.adversarial=0.01]
  strong: ["loss=[mse,adversarial]", weights.adversarial=0.1]
baseline: mse
seeds: [0, 1]
jobs: 2
headline: [psnr_hole]
plane: {x: psnr_hole, y: psnr}
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny_study"
    folder.mkdir()
    (folder / "study.yaml").write_text(STUDY)
    return folder


def own(tiny: list[str]) -> list[str]:
    """What a study adds itself is left out."""
    return [word for word in tiny if not word.startswith(("experiment=", "scale="))]


def done(runs: Path) -> list[str]:
    records = {path.parent.name: read_record(path.parent) for path in runs.glob("*/run.json")}
    return sorted(name for name, record in records.items() if record is not None and record["status"] == "done")


def test_the_plan_shares_prefixes(study: Path, tiny: list[str]) -> None:
    jobs = plan_jobs(read_study(str(study), own(tiny)))
    assert [(job.configuration, job.seed) for job in jobs] == [
        (name, seed) for seed in (0, 1) for name in ("mse", "weak", "strong")
    ]
    # A seed: 6 shared by all, 4 of the discriminator shared by two (its own phase does not know the weight), 3 x 8.
    assert sum(work(jobs).values()) == 2 * (6 + 4 + 3 * 8)
    drawn = tree(read_study(str(study), own(tiny)), jobs)
    assert len(drawn.children) == 2 + 2


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


def test_a_failed_run_is_told_and_the_others_go_on(
    study: Path, tiny: list[str], tmp_path: Path, processes: WarmProcesses
) -> None:
    text = STUDY.replace("weights.adversarial=0.1]", "weights.adversarial=0.1, discriminator.side=7]")
    (study / "study.yaml").write_text(text)
    log = tmp_path / "log.txt"
    process = processes.start(["study", str(study), "seeds=[0]", *own(tiny)], log=log)
    assert process.wait(300) == 1, log.read_text()
    assert "failed: strong, seed 0" in log.read_text()
    assert len(done(tmp_path / "runs")) == 2


def test_what_a_study_refuses(study: Path) -> None:
    with pytest.raises(UserError, match="there is no study 'nothing'"):
        read_study("nothing", [])
    (study / "study.yaml").write_text(STUDY.replace("baseline: mse", "baseline: mes"))
    with pytest.raises(UserError, match="the baseline 'mes' is none of"):
        read_study(str(study), [])
