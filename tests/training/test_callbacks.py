"""What happens between iterations, with a stand-in for the run and for the module that trains."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from henkan.training.callbacks import Checkpoints, Rows
from henkan.training.feed import Feed
from henkan.training.heartbeat import Heartbeat
from henkan.training.keeping import Keeping
from henkan.training.loggers import Silent
from henkan.training.schedule import Phase, Schedule

TRAINER: Any = SimpleNamespace(is_global_zero=True)


class Module:
    """As much of a translator as callbacks see: a schedule of 6 and 14 iterations, a log step every 5."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        self.schedule = Schedule([Phase("first", 6, ("generator",)), Phase("second", 14, ("generator",))])
        self.iteration, self.checks, self.shared = 0, 0, 0
        self.observed = {"loss/mse": 0.5, "loss/generator": 0.25, "gradient/mse": 3.0}
        self.tally = SimpleNamespace(check=self.check, share=self.share)

    def check(self) -> None:
        self.checks += 1

    def share(self) -> None:
        self.shared += 1

    def is_log_step(self, iteration: int) -> bool:
        return (iteration + 1) % 5 == 0 or iteration + 1 in self.schedule.ends

    def state(self) -> dict[str, Any]:
        return {"iteration": self.iteration}


class Run:
    """Keeps in memory what it is told."""

    identity = "mine"

    def __init__(self, scores: dict[int, float] | None = None) -> None:
        self.rows: list[dict[str, Any]] = [{"iteration": k, "val/psnr": score} for k, score in (scores or {}).items()]
        self.saved: list[int] = []
        self.phases: list[list[list[Any]]] = []
        self.there: set[int] = set()
        self.for_good: set[int] = set()

    def add_row(self, row: dict[str, Any]) -> None:
        self.rows.append(row)

    def save(self, state: dict[str, Any], keep: bool = False, for_good: bool = False) -> None:
        self.saved.append(state["iteration"])
        self.phases.append(state["phases"])
        if keep:
            self.there.add(state["iteration"])
        if for_good:
            self.for_good.add(state["iteration"])

    def kept(self) -> set[int]:
        return set(self.there)

    def drop(self, iterations: set[int]) -> None:
        self.there -= iterations


def train(callback: Any, module: Module, until: int = 20) -> None:
    callback.on_train_start(TRAINER, module)
    while module.iteration < until:
        callback.on_train_batch_start(TRAINER, module, None, 0)
        module.iteration += 1
        callback.on_train_batch_end(TRAINER, module)


def test_checkpoints_are_saved_at_multiples_and_at_the_ends_of_phases() -> None:
    run, module = Run(), Module()
    train(Checkpoints(run, 8, None, Keeping(), {}), module)
    assert run.saved == [6, 8, 16, 20] and not run.there
    assert module.checks == 4
    terms = None
    assert run.phases[1] == [["first", 6, ["generator"], terms], ["second", 2, ["generator"], terms]]


def test_what_is_to_stay_is_saved_under_its_iteration_and_what_no_longer_is_goes() -> None:
    run = Run({4: 20.0, 8: 24.0, 12: 22.0, 16: 23.0, 20: 21.0})
    policy = Keeping(every=10, best=2, score="val/psnr", validated=4)
    train(Checkpoints(run, 1000, None, policy, {}), Module())
    # 4 and 12 were among the best two for a while.
    assert run.saved == [4, 6, 8, 10, 12, 16, 20]
    assert run.there == {8, 16, 10, 20}


def test_by_the_clock_it_saves_at_log_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    run, module = Run(), Module()
    # 20 seconds an iteration.
    monkeypatch.setattr(time, "monotonic", lambda: 20.0 * module.iteration)
    train(Checkpoints(run, 1000, 1.5, Keeping(), {}), module)
    # The phase's end at 6 comes 80 seconds before the log step at 10, which is too early, and 15 is in time.
    assert run.saved == [5, 6, 15, 20]
    assert module.checks == 2, "other processes do not know this one's clock"


def test_by_the_clock_one_stays_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    run, module = Run({10: 20.0, 20: 10.0}), Module()
    monkeypatch.setattr(time, "monotonic", lambda: 20.0 * module.iteration)
    policy = Keeping(best=1, score="val/psnr", validated=10, minutes=2)
    train(Checkpoints(run, 1000, None, policy, {}), module)
    # Log steps are 5, 6, 10, 15 and 20; two minutes are over at 10 and, after that, at 20. The best one is that of 10.
    assert run.for_good == {10, 20}
    assert run.saved == [6, 10, 20]
    assert run.there - run.for_good == set()


def test_other_ranks_check_and_share_and_save_nothing() -> None:
    run, module = Run(), Module()
    callback = Checkpoints(run, 8, 0.0, Keeping(every=5), {})
    other: Any = SimpleNamespace(is_global_zero=False)
    for module.iteration in range(1, 21):
        callback.on_train_batch_end(other, module)
    assert module.checks == module.shared == 7 and not run.saved


def test_rows_tell_what_an_iteration_took(monkeypatch: pytest.MonkeyPatch) -> None:
    run, module = Run(), Module()
    feed = Feed({}, module.schedule, sizes={}, workers=0, start=0)
    seconds = iter(range(1000))
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(seconds)))
    rows = Rows(run, Silent(), feed)

    def draw(*_: Any) -> None:
        feed.waiting.seconds += 0.25

    rows.on_train_start = draw  # type: ignore[method-assign]
    train(rows, module, until=5)
    (row,) = run.rows
    assert row["time/iteration"] == 1.0 and row["time/data"] == 0.05
    assert "memory/peak" not in row and 0.01 < row["memory/resident"] < 1000
    train(rows, module, until=6)
    assert run.rows[1]["time/data"] == 0.25, "each row is about what came since the last"


def test_the_heartbeat_says_how_far_how_fast_and_the_losses(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    heartbeat, module = Heartbeat(), Module()
    heartbeat.on_train_start(TRAINER, module)
    for module.iteration in range(1, 13):
        now[0] += 30.0
        heartbeat.on_train_batch_end(TRAINER, module)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 6, "a line a minute"
    assert lines[0] == "henkan: iteration 2 of 20, 30.0 s/iteration, 9 min left (first), mse 0.5, generator 0.25"
    assert lines[-1].startswith("henkan: iteration 12 of 20, 30.0 s/iteration, 4 min left (second)")
