"""A search whose runs are trained: killed it goes on, two processes share it, what is behind is stopped."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pandas as pd
import pytest
from tiny_search import write_search
from tiny_study import done, own

from henkan.config.studies import read_study
from henkan.launching.launcher import WarmProcesses
from henkan.runs.record import read_record


@pytest.mark.slow
def test_killed_it_goes_on_and_two_processes_share_it(
    tiny: list[str], tmp_path: Path, processes: WarmProcesses
) -> None:
    runs = tmp_path / "runs"
    space = {"weights.adversarial": {"low": 1e-3, "high": 0.1, "log": True}}
    path = write_search(tmp_path, space=space, trials=3, overrides=["loss=[mse,adversarial]"])
    words = ["search", path, *own(tiny), "schedule.joint.iterations=30"]
    first = processes.start(words, log=tmp_path / "first.txt")

    def curves() -> set[str]:
        return {file.parent.name for file in runs.glob("glcic*/metrics.csv") if file.read_text().count("\n") > 9}

    while first.poll() is None and len(curves()) < 2:
        time.sleep(0.05)
    os.kill(first.pid, signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL, (tmp_path / "first.txt").read_text()
    kept = {name: (runs / name / "checkpoints" / "last.ckpt").stat().st_mtime_ns for name in done(runs)}
    (begun,) = curves() - set(kept)

    both = [processes.start(words, log=tmp_path / f"{number}.txt") for number in range(2)]
    for number, process in enumerate(both):
        assert process.wait(300) == 0, (tmp_path / f"{number}.txt").read_text()
    assert len(done(runs)) == 3
    for name, stamp in kept.items():
        assert (runs / name / "checkpoints" / "last.ckpt").stat().st_mtime_ns == stamp
    for name in done(runs):
        lines = (runs / name / "log.txt").read_text().splitlines()
        starts = [line for line in lines if line.startswith(("henkan: resumed", "henkan: starts at iteration 10"))]
        # The first trial alone has trained what all begin with, and the one that was killed is resumed.
        assert len(starts) == (2 if name == begun else 0 if name in kept else 1), lines
    (folder,) = (runs / "searches").iterdir()
    table = pd.read_csv(folder / "trials.csv")
    assert (list(table["trial"]), list(table["status"])) == ([0, 1, 2], ["done"] * 3)
    assert table["folder"].nunique() == 3
    last = [(tmp_path / f"{number}.txt").read_text().strip().splitlines()[-1] for number in range(2)]
    assert last[0] == last[1]
    assert len(read_study(last[0], []).variants) == 4
    # The test pictures were not looked at.
    assert not [*runs.glob("*/scores.csv"), *runs.glob("*/evaluation.json")]
    assert not any((read_record(runs / name) or {})["metrics"] for name in done(runs))


def test_a_run_that_is_behind_ends_as_stopped(tiny: list[str], tmp_path: Path, processes: WarmProcesses) -> None:
    path = write_search(
        tmp_path,
        trials=1,
        space={"batch_size": [4]},
        # No picture is as close as that.
        pruner={"name": "threshold", "lower": 1000.0},
        overrides=["loss=[mse]", "logger=csv"],
    )
    words = [word for word in own(tiny) if not word.startswith("logger")]
    log = tmp_path / "log.txt"
    search = processes.start(["search", path, *words, "schedule.joint.iterations=3000"], log=log)
    assert search.wait(200) == 1, log.read_text()
    assert "no trial has come to its end with a score" in log.read_text()
    (file,) = (tmp_path / "runs").glob("glcic*/run.json")
    record = read_record(file.parent)
    assert record is not None
    assert record["status"] == "stopped"
    assert record["error"].startswith("behind other trials at iteration ")
    assert "failed" not in log.read_text()
