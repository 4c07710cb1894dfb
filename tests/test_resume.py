"""N iterations straight equal k, kill -9, N - k: weights, optimizers, averages, curves and scores, bit for bit."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from henkan.launching.launcher import WarmProcesses
from henkan.runs.curves import MEASURED, last_iteration, read_rows
from henkan.runs.record import altered, read_record
from henkan.training import checkpoint


@pytest.fixture
def tiny(tiny: list[str]) -> list[str]:
    """On the processor, where the bits are promised: kernels of a GPU add up in an order of their own."""
    return [*tiny, "trainer.accelerator=cpu"]


def equal(first: Any, second: Any) -> bool:
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(equal(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(equal, first, second))
    return bool(first == second)


def only_run(runs: Path) -> Path:
    (folder,) = (path.parent for path in runs.glob("*/run.json"))
    return folder


def train(processes: WarmProcesses, overrides: list[str], runs: Path, log: Path) -> Path:
    process = processes.start(["train", *overrides, f"paths.runs={runs}"], log=log)
    assert process.wait() == 0, log.read_text()
    return only_run(runs)


def kill_at(processes: WarmProcesses, overrides: list[str], runs: Path, iteration: int) -> int:
    """Start the run, kill it as soon as its curves have reached `iteration`, and return where they were cut."""
    process = processes.start(["train", *overrides, f"paths.runs={runs}"], log=runs.parent / "killed.txt")
    while process.poll() is None:
        folders = list(runs.glob("*/metrics.csv"))
        if folders and last_iteration(folders[0]) >= iteration:
            os.kill(process.pid, signal.SIGKILL)
            break
        time.sleep(0.002)
    process.wait()
    return last_iteration(only_run(runs) / "metrics.csv")


def repeatable_rows(folder: Path) -> list[dict[str, float | int | str]]:
    """Return the curves without what the machine took for them."""
    return [
        {name: value for name, value in row.items() if not name.startswith(MEASURED)}
        for row in read_rows(folder / "metrics.csv")
    ]


def assert_same_result(first: Path, second: Path) -> None:
    ours, theirs = ({path.name for path in folder.glob("checkpoints/*.ckpt")} for folder in (first, second))
    assert ours == theirs
    for name in ours:
        one, two = (checkpoint.load(folder / "checkpoints" / name) for folder in (first, second))
        # What a run took is not what it is.
        for state in (one, two):
            del state["seconds"], state["curves"]
        assert equal(one, two), name
    assert repeatable_rows(first) == repeatable_rows(second)
    assert (first / "scores.csv").read_text() == (second / "scores.csv").read_text()


# One within each phase is in the suite; the slow ones are at the boundaries, with other workers.
@pytest.mark.parametrize(
    ("iteration", "workers"),
    [
        (4, 1),
        (8, 4),
        (14, 1),
        *(pytest.param(iteration, 0, marks=pytest.mark.slow) for iteration in (2, 6, 10)),
    ],
)
def test_a_killed_run_ends_as_if_it_had_not_been(
    tiny: list[str], tmp_path: Path, processes: WarmProcesses, iteration: int, workers: int
) -> None:
    tiny = [*tiny, "checkpoint.every=1", "schedule.joint.iterations=40"]
    tiny += ["checkpoint.keep.every=20", "checkpoint.keep.best=2"]
    straight = train(processes, tiny, tmp_path / "straight", tmp_path / "straight.txt")
    runs = tmp_path / "killed"
    overrides = [*tiny, f"trainer.workers={workers}"]
    reached = kill_at(processes, overrides, runs, iteration)
    assert iteration <= reached < 50, "it was to be killed on its way"
    resumed = train(processes, overrides, runs, tmp_path / "resumed.txt")
    assert "resumed at iteration" in (tmp_path / "resumed.txt").read_text()
    assert_same_result(straight, resumed)


BALANCED = pytest.mark.parametrize("more", [[], ["balance.adversarial=0.5"]], ids=["weighted", "balanced"])


@BALANCED
def test_gradients_of_an_unfinished_update_are_kept(
    tiny: list[str], tmp_path: Path, processes: WarmProcesses, more: list[str]
) -> None:
    overrides = [*tiny, *more, "optimizer.accumulate=3", "checkpoint.every=1", "schedule.joint.iterations=40"]
    straight = train(processes, overrides, tmp_path / "straight", tmp_path / "straight.txt")
    kill_at(processes, overrides, tmp_path / "killed", 14)
    resumed = train(processes, overrides, tmp_path / "killed", tmp_path / "resumed.txt")
    assert "resumed at iteration" in (tmp_path / "resumed.txt").read_text()
    assert_same_result(straight, resumed)


@BALANCED
def test_a_shared_prefix_changes_nothing(
    tiny: list[str], tmp_path: Path, processes: WarmProcesses, more: list[str]
) -> None:
    words = [*tiny, *more]
    alone = train(processes, words, tmp_path / "alone", tmp_path / "alone.txt")
    shared = tmp_path / "shared"
    train(processes, [*tiny, "loss=[mse]"], shared, tmp_path / "mse.txt")
    log = tmp_path / "adversarial.txt"
    process = processes.start(["train", *words, f"paths.runs={shared}"], log=log)
    assert process.wait() == 0, log.read_text()
    assert "starts at iteration 6, from a shared prefix" in log.read_text()
    (branched,) = shared.glob(alone.name)
    assert_same_result(alone, branched)
    # What it took holds the part that another run has trained; six iterations of eighteen were.
    record = read_record(branched)
    assert record is not None
    assert 0 < record["prefix"]["seconds"] < record["seconds"]
    state = checkpoint.load(branched / "checkpoints" / "last.ckpt")
    assert record["seconds"] == round(state["seconds"], 2)
    assert [node["since"] for node in record["environments"]] == [0]


def test_curves_that_were_damaged_after_a_kill_lose_no_row(
    tiny: list[str], tmp_path: Path, processes: WarmProcesses
) -> None:
    tiny = [*tiny, "checkpoint.every=1", "schedule.joint.iterations=40"]
    straight = train(processes, tiny, tmp_path / "straight", tmp_path / "straight.txt")
    kill_at(processes, tiny, tmp_path / "killed", 14)
    (only_run(tmp_path / "killed") / "metrics.csv").write_text("")
    resumed = train(processes, tiny, tmp_path / "killed", tmp_path / "resumed.txt")
    assert_same_result(straight, resumed)


def test_what_was_damaged_in_a_finished_run_is_named_and_made_anew(
    tiny: list[str], tmp_path: Path, processes: WarmProcesses
) -> None:
    folder = train(processes, tiny, tmp_path / "runs", tmp_path / "first.txt")
    before = {name: (folder / name).read_text() for name in ("config.yaml", "scores.csv", "metrics.csv")}
    assert altered(folder) == []
    for name, text in before.items():
        (folder / name).write_text(text[: len(text) // 2])
    train(processes, tiny, tmp_path / "runs", tmp_path / "second.txt")
    assert (
        "edited or damaged since they were written: config.yaml, metrics.csv, scores.csv"
        in (tmp_path / "second.txt").read_text()
    )
    assert {name: (folder / name).read_text() for name in before} == before
    assert altered(folder) == []


def test_a_finished_run_is_not_trained_again(tiny: list[str], tmp_path: Path, processes: WarmProcesses) -> None:
    runs = tmp_path / "runs"
    folder = train(processes, tiny, runs, tmp_path / "first.txt")
    stamp = (folder / "checkpoints" / "last.ckpt").stat().st_mtime_ns
    train(processes, tiny, runs, tmp_path / "second.txt")
    text = (tmp_path / "second.txt").read_text()
    assert "done already" in text
    assert text.splitlines()[-1] == str(folder)
    assert (folder / "checkpoints" / "last.ckpt").stat().st_mtime_ns == stamp
    record = read_record(folder)
    assert record is not None
    assert record["status"] == "done"
