"""SLURM, simulated by its variables and an `scontrol` that tells whether it was called: henkan never requeues a job."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from henkan.launching.launcher import WarmProcesses
from henkan.runs.run import read_record
from henkan.sweeps.scheduler import last_iteration
from henkan.training import checkpoint

JOB = {"SLURM_JOB_ID": "4711", "SLURM_JOB_NAME": "training", "SLURM_NTASKS": "1", "SLURM_PROCID": "0"}


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be a job of SLURM; returns the folder it works in."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "scontrol").write_text(f"#!/bin/sh\necho $@ >> {tmp_path}/scontrol.txt\n")
    (tools / "scontrol").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)
    for name, value in JOB.items():
        monkeypatch.setenv(name, value)
    here = tmp_path / "here"
    here.mkdir()
    # What Lightning's own requeueing would have left: it must not be read.
    (here / "hpc_ckpt_1.ckpt").write_text("not a checkpoint")
    monkeypatch.chdir(here)
    return here


def scores(processes: WarmProcesses, words: list[str], log: Path) -> str:
    assert processes.start(["train", *words], log).wait() == 0, log.read_text()
    folder = Path(log.read_text().splitlines()[-1])
    record = read_record(folder)
    assert record is not None
    state = checkpoint.load(folder / "checkpoints" / "last.ckpt")
    assert state["iteration"] == record["iterations"] == 156
    return (folder / "scores.csv").read_text()


@pytest.mark.slow
def test_a_job_that_is_told_to_end_leaves_nothing_that_another_one_would_go_on_from(
    tiny: list[str], tmp_path: Path, processes: WarmProcesses, job: Path
) -> None:
    words = [*tiny, "loss=[mse]", "schedule.joint.iterations=150", "checkpoint.every=1000", "validation.every=1000"]
    process = processes.start(["train", *words], tmp_path / "told.txt")
    runs = tmp_path / "runs"
    while not any(last_iteration(path) >= 10 for path in runs.glob("*/metrics.csv")):
        assert process.poll() is None, (tmp_path / "told.txt").read_text()
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGUSR1)
    assert process.wait() == 138
    assert not (tmp_path / "scontrol.txt").exists()
    assert [path.name for path in job.iterdir()] == ["hpc_ckpt_1.ckpt"]
    assert not list(runs.rglob("hpc_ckpt_*"))

    clean = f"paths.runs={tmp_path / 'clean'}"
    for seed in (0, 1):
        found = scores(processes, [*words, f"seed={seed}"], tmp_path / f"job-{seed}.txt")
        assert found == scores(processes, [*words, f"seed={seed}", clean], tmp_path / f"clean-{seed}.txt")
    assert "resumed at iteration" in (tmp_path / "job-0.txt").read_text()


def test_a_run_of_one_device_is_the_first_of_its_run_whatever_its_rank_in_the_job(
    tiny: list[str], tmp_path: Path, processes: WarmProcesses, job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by `srun -n8 henkan train …`, or `srun -n8 wandb agent …`."""
    monkeypatch.setenv("SLURM_NTASKS", "8")
    monkeypatch.setenv("SLURM_PROCID", "3")
    log = tmp_path / "log.txt"
    assert processes.start(["train", *tiny], log).wait() == 0, log.read_text()
    record = read_record(Path(log.read_text().splitlines()[-1]))
    assert record is not None
    assert record["status"] == "done"
