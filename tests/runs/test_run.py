"""The record of a run: what it took and what was lost, and where it was trained."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from henkan.runs import machine
from henkan.runs import run as run_module
from henkan.runs.curves import parse_rows
from henkan.runs.record import read_record
from henkan.runs.run import Run
from henkan.training import checkpoint

CONFIG = {"seed": 0, "recipe": "glcic", "loss": {"mse": {}}, "trainer": {"devices": 1}}
STATE = {"iteration": 6, "state_dict": {}, "optimizers": {"generator": {}}, "schedulers": {}}


class Clock:
    """Stands for the module `time`: tells what it is set to."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(run_module, "time", clock)
    return clock


def begun(folder: Path) -> Run:
    run = Run(folder, "a" * 64, CONFIG, {})
    run.folder.mkdir(exist_ok=True)
    run.record = read_record(folder) or {}
    run.begin(["seed=0"], {"paired": "pictures"}, 18, {})
    return run


def record_of(folder: Path) -> dict[str, Any]:
    record = read_record(folder)
    assert record is not None
    return record


def test_seconds_are_those_of_what_is_in_the_checkpoint(tmp_path: Path, clock: Clock) -> None:
    run = begun(tmp_path / "run")
    # Waiting and loading are no training.
    clock.now += 50
    run.go_on(0, 0.0, [])
    clock.now += 8
    run.start_clock()
    clock.now += 4
    run.save(STATE)
    assert checkpoint.load(run.checkpoint)["seconds"] == pytest.approx(4)
    assert record_of(run.folder)["seconds"] == 4
    clock.now += 3
    run.end("failed", error="killed")
    assert record_of(run.folder)["seconds"] == 4

    again = begun(tmp_path / "run")
    again.go_on(6, checkpoint.load(again.checkpoint)["seconds"], again.record["environments"])
    clock.now += 1000
    again.start_clock()
    clock.now += 2
    again.save(STATE)
    # Scoring is no training either.
    clock.now += 60
    again.end("done")
    assert record_of(run.folder)["seconds"] == 6


def test_a_boundary_carries_what_it_took_to_the_run_that_starts_there(tmp_path: Path, clock: Clock) -> None:
    first = begun(tmp_path / "first")
    first.go_on(0, 0.0, [])
    first.start_clock()
    clock.now += 5
    first.add_row({"iteration": 6, "phase": "reconstruction"})
    (first.folder / "panels").mkdir()
    for iteration in (3, 6, 9):
        (first.folder / "panels" / f"validation_{iteration:07d}.png").write_bytes(b"png")
    first.offer("b" * 64, STATE, judged=False)
    # Beyond the boundary it is another run.
    shown = sorted(path.name for path in (tmp_path / "prefixes" / ("b" * 20) / "panels").iterdir())
    assert shown == ["validation_0000003.png", "validation_0000006.png"]
    state = checkpoint.load(tmp_path / "prefixes" / ("b" * 20) / "boundary.ckpt")
    second = begun(tmp_path / "second")
    second.go_on(6, state["seconds"], state["environments"])
    second.start_clock()
    clock.now += 2
    second.save(STATE)
    assert record_of(second.folder)["seconds"] == 7


def test_work_that_a_kill_has_lost_stands_beside(tmp_path: Path, clock: Clock) -> None:
    run = begun(tmp_path / "run")
    run.go_on(0, 0.0, [])
    run.start_clock()
    run.add_row({"iteration": 6, "phase": "joint"})
    run.save(STATE)
    run.add_row({"iteration": 9, "phase": "joint"})
    saved = run.checkpoint.stat().st_mtime
    os.utime(run.curves.path, (saved + 30, saved + 30))
    again = begun(tmp_path / "run")
    again.go_on(6, 1.0, again.record["environments"])
    assert record_of(run.folder)["seconds_lost"] == pytest.approx(30, abs=0.01)
    again.curves.take_up(parse_rows(run.curves.text), 6)
    third = begun(tmp_path / "run")
    third.go_on(6, 1.0, third.record["environments"])
    # No row is beyond the checkpoint now: nothing that is known was lost once more.
    assert record_of(run.folder)["seconds_lost"] == pytest.approx(30, abs=0.01)


def test_work_before_the_first_checkpoint_can_be_lost_too(tmp_path: Path) -> None:
    run = begun(tmp_path / "run")
    run.go_on(0, 0.0, [])
    run.start_clock()
    run.add_row({"iteration": 2, "phase": "joint"})
    began = run_module.datetime.fromisoformat(run.record["trained_since"]).timestamp()
    os.utime(run.curves.path, (began + 7, began + 7))
    again = begun(tmp_path / "run")
    again.go_on(0, 0.0, again.record["environments"])
    assert record_of(run.folder)["seconds_lost"] == pytest.approx(7, abs=0.01)
    assert again.record["seconds"] == 0


def test_what_is_kept_for_good_is_not_dropped_by_a_later_launch_either(tmp_path: Path) -> None:
    run = begun(tmp_path / "run")
    run.save({**STATE, "iteration": 3}, keep=True)
    run.save({**STATE, "iteration": 6}, keep=True, for_good=True)
    run.end("interrupted")
    again = begun(tmp_path / "run")
    assert again.kept() == {3, 6}
    again.drop({3, 6})
    assert again.kept() == {6}


def test_another_environment_is_said_and_both_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def start(threads: int, iteration: int, torch: str = "2.15.0") -> list[dict[str, Any]]:
        here = {"machine": f"kernel of {threads}", "processor": "one", "cores": 8, "threads": threads}
        monkeypatch.setattr(machine, "hardware", lambda: here)
        monkeypatch.setattr(machine, "versions", lambda: {"python": "3.12", "torch": torch, "wandb": str(threads)})
        run = begun(tmp_path / "run")
        run.go_on(iteration, 0.0, run.record.get("environments", []))
        return [
            {"since": node["since"], "threads": node["hardware"]["threads"], "torch": node["versions"]["torch"]}
            for node in record_of(run.folder)["environments"]
        ]

    one = {"since": 0, "threads": 1, "torch": "2.15.0"}
    assert start(1, 0) == [one]
    assert start(1, 60) == [one]
    assert capsys.readouterr().err == ""
    both = [one, {"since": 60, "threads": 2, "torch": "2.15.1"}]
    assert start(2, 60, "2.15.1") == both
    (said,) = capsys.readouterr().err.splitlines()
    assert said == (
        "henkan: threads 1, now 2; torch 2.15.0, now 2.15.1: the bits may not be those of one stretch "
        "(run.json keeps both environments)"
    )
    assert start(2, 80, "2.15.1") == both
    assert capsys.readouterr().err == ""
    # Nothing of the second is left in a checkpoint of before it.
    assert start(1, 60) == [one]
    assert capsys.readouterr().err == ""
    assert start(2, 0) == [{"since": 0, "threads": 2, "torch": "2.15.0"}]


def test_more_devices_are_another_environment() -> None:
    then, now = ({"hardware": {"devices": count}, "versions": {}} for count in (1, 2))
    assert machine.differences(then, now) == ["devices 1, now 2"]


@pytest.mark.parametrize(("status", "goes_on"), [("interrupted", True), ("failed", False), ("done", False)])
def test_a_rerun_that_was_interrupted_goes_on_and_one_that_ended_begins_anew(
    tmp_path: Path, status: Any, goes_on: bool
) -> None:
    run = Run(tmp_path / "run", "a" * 64, {**CONFIG, "rerun": True}, {})
    run.begin([], {"paired": "pictures"}, 18, {})
    # Killed outright, it says so too.
    assert record_of(run.folder)["rerun"] is True
    run.end(status)
    assert record_of(run.folder)["rerun"] is goes_on


def test_a_rerun_keeps_the_log_that_it_writes(tmp_path: Path) -> None:
    run = begun(tmp_path / "run")
    log = run.folder / "log.txt"
    log.write_text("of before")
    # As a study starts its runs: what they say goes there.
    stderr = os.dup(2)
    try:
        with log.open("a") as file:
            os.dup2(file.fileno(), 2)
        run.clear()
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
    assert log.exists() and not (run.folder / "config.yaml").exists()
    # Of another process, it is what an earlier run has left.
    run.clear()
    assert not log.exists()
