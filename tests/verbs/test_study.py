"""A study: killed in the middle it goes on, done it runs nothing, and its report stands."""

from __future__ import annotations

import io
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml
from omegaconf import DictConfig
from rich.console import Console

from henkan.config.studies import read_study
from henkan.config.trees import config_folder, frozen_config
from henkan.errors import UserError
from henkan.launching.execute import execute
from henkan.launching.launcher import WarmProcesses
from henkan.report.statistics import OVER_SEEDS, WITHOUT_SEEDS
from henkan.runs.plan import Plan, plan_run
from henkan.runs.run import read_record
from henkan.sweeps.progress import tree, work
from henkan.sweeps.study import plan_jobs, write_study
from henkan.verbs import report

Compose = Callable[..., DictConfig]

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


BASELINE = """
import torch
from torch import nn


class White(nn.Module):
    multiple = 1

    def forward(self, image: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"raw": torch.ones_like(image)}
"""


@pytest.fixture
def white(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with a generator that has no parameters."""
    here = tmp_path / "here"
    (here / "conf" / "generator").mkdir(parents=True)
    (here / "white_baseline.py").write_text(BASELINE)
    (here / "conf" / "generator" / "white.yaml").write_text("_target_: white_baseline.White\n")
    monkeypatch.chdir(here)


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
    assert "failed: strong, seed 0" in log.read_text()
    assert len(done(tmp_path / "runs")) == 2


def in_study(folder: Path, **entries: object) -> None:
    content = yaml.safe_load((folder / "study.yaml").read_text()) | entries
    (folder / "study.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


@pytest.mark.usefixtures("white")
def test_what_trains_nothing_is_scored_once_for_all_seeds(
    study: Path, tiny: list[str], tmp_path: Path, processes: WarmProcesses
) -> None:
    in_study(study, variants={"mse": ["loss=[mse]"], "white": ["generator=white"]})
    jobs = plan_jobs(read_study(str(study), own(tiny)))
    assert [(job.configuration, job.seed) for job in jobs] == [("mse", 0), ("white", None), ("mse", 1)]
    assert sum(work(jobs).values()) == 2 * (6 + 8)
    console = Console(width=200, file=io.StringIO())
    console.print(tree(read_study(str(study), own(tiny)), jobs))
    assert isinstance(console.file, io.StringIO)
    assert "nothing to train: scored once, for every seed" in console.file.getvalue()
    assert "white (waiting) glcic-white_baseline-" in console.file.getvalue()

    log = tmp_path / "log.txt"
    assert processes.start(["study", str(study), *own(tiny)], log=log).wait(300) == 0, log.read_text()
    record = read_record(jobs[1].folder)
    assert record is not None
    assert (record["status"], record["iterations"]) == ("done", 0)
    assert set(record["metrics"]) == {"psnr", "psnr_hole"}
    page = Path(log.read_text().strip().splitlines()[-1])
    row = pd.read_csv(page.parent / "summary.csv").set_index(["configuration", "metric"]).loc[("white", "psnr_hole")]
    assert (row["n_seeds"], row["over"]) == (0, WITHOUT_SEEDS)
    assert (row["difference_n_seeds"], row["difference_over"]) == (2, OVER_SEEDS)
    assert "no seeds" in page.read_text()


@pytest.mark.usefixtures("white")
def test_nothing_of_training_makes_another_run_of_what_trains_nothing(tiny: list[str], composed: Compose) -> None:
    def plan(*words: str) -> Plan:
        return plan_run(composed([*tiny, "generator=white", *words]))

    plain = plan()
    assert (len(plain.schedule), plain.prefixes, plain.terms) == (0, {}, [])
    for words in ("seed=1", "loss=[mse]", "weights.adversarial=3", "optimizer=adadelta", "discriminator=patchgan"):
        assert plan(words).folder == plain.folder
    for words in ("degradation=free_form", "evaluation.seed=1", "metric=[psnr]"):
        assert plan(words).identity != plain.identity
    with pytest.raises(UserError, match="overfit=.*: this generator has no weights to learn"):
        plan("overfit=0.5")


@pytest.mark.usefixtures("white")
def test_train_and_evaluate_find_what_the_other_has_done(
    tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*tiny, "generator=white"]
    assert execute("evaluate", words).code == 0
    (folder,) = (path.parent for path in (tmp_path / "runs").glob("*/run.json"))
    before = (folder / "scores.csv").read_text()
    assert execute("train", [*words, "seed=5"]).code == 0
    printed = capsys.readouterr()
    assert "done already" in printed.err
    assert printed.out.splitlines() == [str(folder), str(folder)]
    assert execute("train", [*words, "rerun=true"]).code == 0
    assert execute("evaluate", [f"run={folder}"]).code == 0
    assert (folder / "scores.csv").read_text() == before


def test_runs_do_not_notice_that_the_configs_are_edited(
    tiny: list[str], composed: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: WarmProcesses
) -> None:
    here = tmp_path / "here" / "conf" / "experiment"
    here.mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    recipe = (config_folder() / "experiment" / "glcic.yaml").read_text()
    (here / "mine.yaml").write_text(recipe)
    words = ["experiment=mine", *tiny[1:], "loss=[mse]", "evaluation.split=null"]
    before = plan_run(composed(words)).identity
    with frozen_config():
        (here / "mine.yaml").write_text(f"{recipe}optimizer:\n  accumulate: 2\n")
        assert plan_run(composed(words)).identity == before
        log = tmp_path / "log.txt"
        assert processes.start(["train", *words], log=log).wait(120) == 0, log.read_text()
    assert plan_run(composed(words)).identity != before
    (record,) = (read_record(path.parent) for path in (tmp_path / "runs").glob("*/run.json"))
    assert record is not None
    assert record["identity"] == before
    assert record["overrides"] == words


def test_a_report_is_found_by_the_name_of_its_study(
    study: Path, tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments").mkdir()
    study.rename(tmp_path / "experiments" / study.name)
    read = read_study("tiny_study", own(tiny))
    with pytest.raises(UserError, match="tiny_study-smoke holds no study yet: henkan study tiny_study"):
        report.main(["tiny_study", *own(tiny)])
    read.folder.mkdir(parents=True)
    write_study(read, plan_jobs(read), read.folder)
    assert report.main(["tiny_study", *own(tiny)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(read.folder / "report.html")
