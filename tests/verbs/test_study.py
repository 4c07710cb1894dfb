"""A study: killed in the middle it goes on, done it runs nothing, and its report stands."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
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
from henkan.runs.curves import last_iteration
from henkan.runs.plan import Plan, plan_run
from henkan.runs.record import read_record
from henkan.sweeps.progress import tree, work
from henkan.sweeps.study import plan_jobs, twins, write_study
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


def test_configurations_that_are_one_run_are_told(study: Path, tiny: list[str]) -> None:
    assert twins(plan_jobs(read_study(str(study), own(tiny)))) == []
    in_study(study, variants={"mse": ["loss=[mse]"], "same": ["loss=[mse]", "weights.adversarial=7"]}, seeds=[0])
    jobs = plan_jobs(read_study(str(study), own(tiny)))
    assert twins(jobs) == [["mse, seed 0", "same, seed 0"]]


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


KILLER = """
import os
import signal
from pathlib import Path


class Killer:
    def __call__(self, input, target):
        if Path("kill").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return (input - target).abs().mean(dim=(1, 2, 3))
"""


def test_what_the_system_has_killed_says_so(
    study: Path, tiny: list[str], tmp_path: Path, processes: WarmProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    (here / "conf" / "loss").mkdir(parents=True)
    (here / "killer.py").write_text(KILLER)
    (here / "conf" / "loss" / "killer.yaml").write_text("killer:\n  _target_: killer.Killer\n")
    (here / "kill").touch()
    monkeypatch.chdir(here)
    in_study(study, variants={"mse": ["loss=[mse]"], "killed": ["loss=[mse,killer]"]}, seeds=[0])
    words, log = ["study", str(study), *own(tiny)], tmp_path / "log.txt"
    assert processes.start(words, log=log).wait(300) == 1, log.read_text()
    assert "henkan: failed: killed, seed 0: ended by SIGKILL" in log.read_text()
    page = Path(log.read_text().strip().splitlines()[-1])
    told = {run["configuration"]: run for run in json.loads((page.parent / "study.json").read_text())["runs"]}
    assert (told["killed"]["status"], told["killed"]["error"]) == ("failed", "ended by SIGKILL")
    record = read_record(page.parent / told["killed"]["folder"])
    assert record is not None
    assert (record["status"], record["error"]) == ("failed", "ended by SIGKILL")
    assert "ended by SIGKILL" in page.read_text()

    (here / "kill").unlink()
    assert processes.start(words, log=log).wait(300) == 0, log.read_text()
    record = read_record(page.parent / told["killed"]["folder"])
    assert record is not None
    assert (record["status"], "error" in record) == ("done", False)


def test_two_processes_share_a_study(study: Path, tiny: list[str], tmp_path: Path, processes: WarmProcesses) -> None:
    in_study(study, jobs=1)
    words = ["study", str(study), *own(tiny), "schedule.joint.iterations=40"]
    logs = [tmp_path / f"{number}.txt" for number in range(2)]
    both = [processes.start(words, log=log) for log in logs]
    assert [process.wait(300) for process in both] == [0, 0], [log.read_text() for log in logs]
    runs = tmp_path / "runs"
    assert len(done(runs)) == 6
    for folder in (runs / name for name in done(runs)):
        text = (folder / "log.txt").read_text()
        # Started once in all, by either; what both wait for, if anything, is a shared prefix.
        assert text.splitlines()[-1] == str(folder)
        assert text.count(str(folder)) == 1
        assert "another process trains" not in text
    pages = {log.read_text().strip().splitlines()[-1] for log in logs}
    (page,) = pages
    assert {run["status"] for run in json.loads((Path(page).parent / "study.json").read_text())["runs"]} == {"done"}


def test_an_interrupted_study_says_so_and_goes_on(
    study: Path, tiny: list[str], tmp_path: Path, processes: WarmProcesses
) -> None:
    in_study(study, seeds=[0], jobs=1)
    words = ["study", str(study), *own(tiny), "schedule.joint.iterations=60", "checkpoint.every=1000"]
    log, runs = tmp_path / "log.txt", tmp_path / "runs"
    process = processes.start(words, log=log)
    while not any(last_iteration(path) >= 12 for path in runs.glob("*/metrics.csv")):
        assert process.poll() is None, log.read_text()
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(60) == 130, log.read_text()
    assert log.read_text().splitlines()[-1] == "henkan: interrupted by Ctrl-C; the same command goes on"
    (written,) = tmp_path.rglob("study.json")
    stopped, *rest = [run["status"] for run in json.loads(written.read_text())["runs"]]
    assert (stopped, set(rest)) == ("interrupted", {"waiting"})
    assert processes.start(words, log=log).wait(300) == 0, log.read_text()
    assert any("resumed at iteration" in path.read_text() for path in runs.glob("*/log.txt"))


def test_what_a_study_refuses(study: Path) -> None:
    with pytest.raises(UserError, match="there is no study 'nothing'"):
        read_study("nothing", [])
    (study / "study.yaml").write_text(STUDY.replace("baseline: mse", "baseline: mes"))
    with pytest.raises(UserError, match="the baseline 'mes' is none of"):
        read_study(str(study), [])


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


def test_axes_are_keys_with_values_or_names_with_overrides(study: Path) -> None:
    pictures = {"drawn": ["data=openmoji", "degradation=rectangle_content"], "shot": ["data=photographs"]}
    in_study(study, axes={"pictures": pictures, "generator.width": [0.25, 0.5]})
    made = read_study(str(study), []).configurations()
    assert list(made)[:2] == ["mse drawn width=0.25", "mse drawn width=0.5"]
    assert len(made) == 3 * 2 * 2
    one = made["weak shot width=0.5"]
    assert (one.variant, one.point) == ("weak", {"pictures": "shot", "generator.width": "width=0.5"})
    assert one.overrides[-2:] == ["data=photographs", "generator.width=0.5"]
    words = ["axes.pictures.drawn=null", "axes.pictures.mine=[data=bsds500,data.path=/x]"]
    other = read_study(str(study), words)
    assert other.overrides == []
    assert other.axes()["pictures"] == {"shot": ["data=photographs"], "mine": ["data=bsds500", "data.path=/x"]}


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ({"pictures": "photographs"}, "axes.pictures must be a list of values, or a mapping"),
        ({"pictures": {"shot": "data=photographs"}}, "axes.pictures.shot must be a list of overrides"),
        ({"pictures": {"shot": None}}, "axes.pictures has no value left"),
    ],
)
def test_axes_that_are_refused(study: Path, axes: object, said: str) -> None:
    in_study(study, axes=axes)
    with pytest.raises(UserError, match=said):
        read_study(str(study), []).configurations()


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


def test_frozen_configs_of_a_killed_study_are_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    host = socket.gethostname()
    names = [
        f"henkan-conf-a.{ended.pid}@{host}",
        f"henkan-conf-b.{os.getpid()}@{host}",
        f"henkan-conf-c.{ended.pid}@other",
    ]
    for name in names:
        (tmp_path / name).mkdir()
    with frozen_config():
        (own,) = {path.name for path in tmp_path.iterdir()} - set(names)
        assert own.endswith(f".{os.getpid()}@{host}")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names[1:])


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
