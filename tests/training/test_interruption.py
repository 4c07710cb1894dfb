"""Signals: a checkpoint at the iteration's boundary, the code of the signal, and bitwise the same in the end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from henkan.errors import Interrupted
from henkan.launching.launcher import Process, WarmProcesses
from henkan.runs.curves import MEASURED, last_iteration, read_rows
from henkan.runs.locks import lock
from henkan.runs.record import read_record
from henkan.training import checkpoint
from henkan.training.interruption import ASKING, Signals, ignore_in_worker

# Nothing but the signal saves in between; the last phase is long enough to be met by it.
LONG = ["checkpoint.every=1000", "validation.every=1000", "schedule.joint.iterations=150"]
TWO = [
    "trainer.accelerator=cpu",
    "trainer.devices=2",
    "generator.normalization=null",
    "discriminator.normalization=null",
]


def only_run(runs: Path) -> Path:
    (folder,) = (path.parent for path in runs.glob("*/run.json"))
    return folder


def equal(first: Any, second: Any) -> bool:
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(equal(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(equal, first, second))
    return bool(first == second)


def at_iteration(process: Process, runs: Path, iteration: int) -> None:
    """Wait until a run's curves have reached an iteration."""
    while process.poll() is None:
        if any(last_iteration(path) >= iteration for path in runs.glob("*/metrics.csv")):
            return
        time.sleep(0.002)
    raise AssertionError("the run ended before")


def end(folder: Path) -> tuple[Any, Any, str]:
    state = checkpoint.load(folder / "checkpoints" / "last.ckpt")
    # What a run took is not what it is.
    state = {name: value for name, value in state.items() if name not in ("seconds", "curves")}
    rows = [
        {name: value for name, value in row.items() if not name.startswith(MEASURED)}
        for row in read_rows(folder / "metrics.csv")
    ]
    return state, rows, (folder / "scores.csv").read_text()


@pytest.fixture(scope="module")
def ends() -> dict[str, Any]:
    """What a run ends with that nothing interrupts, by its overrides but for the folder: it is trained once."""
    return {}


def straight(processes: WarmProcesses, words: list[str], folder: Path, ends: dict[str, Any]) -> Any:
    key = " ".join(word for word in words if not word.startswith("paths."))
    if key not in ends:
        log = folder / "straight.txt"
        assert processes.start(["train", *words, f"paths.runs={folder / 'straight'}"], log).wait() == 0, log.read_text()
        ends[key] = end(only_run(folder / "straight"))
    return ends[key]


@pytest.mark.parametrize(
    ("number", "workers", "word"),
    [
        (signal.SIGTERM, 2, "SIGTERM"),
        pytest.param(signal.SIGINT, 0, "Ctrl-C", marks=pytest.mark.slow),
        pytest.param(signal.SIGUSR1, 0, "SIGUSR1", marks=pytest.mark.slow),
    ],
)
def test_a_signal_saves_and_the_same_command_goes_on(
    tiny: list[str],
    tmp_path: Path,
    processes: WarmProcesses,
    ends: dict[str, Any],
    number: signal.Signals,
    workers: int,
    word: str,
) -> None:
    words, runs, log = [*tiny, *LONG, f"trainer.workers={workers}"], tmp_path / "runs", tmp_path / "log.txt"
    process = processes.start(["train", *words], log)
    at_iteration(process, runs, 14)
    # To the whole group, as a terminal and a batch system do it: data workers must not end before the run does.
    os.killpg(process.pid, number)
    assert process.wait() == 128 + number, log.read_text()

    folder = only_run(runs)
    saved = checkpoint.load(folder / "checkpoints" / "last.ckpt")["iteration"]
    assert 14 <= saved < 160
    said = f"stopped at iteration {saved} of 160 by {word}; the same command goes on from there"
    assert process.error == said
    assert log.read_text().splitlines()[-1] == f"henkan: {said}"
    assert "Traceback" not in log.read_text()
    record = read_record(folder)
    assert record is not None
    assert (record["status"], record["error"]) == ("interrupted", said)

    assert processes.start(["train", *words], log).wait() == 0, log.read_text()
    assert f"resumed at iteration {saved}" in log.read_text()
    record = read_record(folder)
    assert record is not None
    assert (record["status"], "error" in record) == ("done", False)
    assert equal(end(folder), straight(processes, words, tmp_path, ends))


@pytest.mark.slow
@pytest.mark.parametrize("told", ["the first alone", "both"])
def test_two_ranks_end_after_the_same_iteration(
    tiny: list[str], tmp_path: Path, processes: WarmProcesses, ends: dict[str, Any], told: str
) -> None:
    words, runs, log = [*tiny, *LONG, *TWO], tmp_path / "runs", tmp_path / "log.txt"
    process = processes.start(["train", *words], log)
    at_iteration(process, runs, 14)
    (os.kill if told == "the first alone" else os.killpg)(process.pid, signal.SIGUSR1)
    assert process.wait() == 138, log.read_text()
    assert log.read_text().count("stopped at iteration") == 1
    assert processes.start(["train", *words], log).wait() == 0, log.read_text()
    assert "resumed at iteration" in log.read_text()
    assert "terminate called" not in log.read_text()
    assert equal(end(only_run(runs)), straight(processes, words, tmp_path, ends))


def test_outside_of_training_a_signal_ends_it_at_once(
    tiny: list[str], tmp_path: Path, processes: WarmProcesses
) -> None:
    """Here, while it waits for another process that trains the same run."""
    words, log = [*tiny, "loss=[mse]"], tmp_path / "log.txt"
    process = processes.start(["train", *words], log)
    assert process.wait() == 0
    second = tmp_path / "second.txt"
    with lock(only_run(tmp_path / "runs") / ".lock"):
        process = processes.start(["train", *words], second)
        while not (second.exists() and "waiting for it" in second.read_text()):
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait() == 143
    assert process.error == "interrupted by SIGTERM; the same command goes on from the last checkpoint"


def handlers() -> list[Any]:
    return [signal.getsignal(number) for number in ASKING]


@pytest.fixture
def heeded() -> Iterator[None]:
    """Ctrl-C as a terminal's process has it: what a shell starts in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_signals_raise_are_kept_and_a_second_interrupt_raises_all_the_same(heeded: None) -> None:
    before = handlers()
    with Signals() as signals:
        with pytest.raises(Interrupted, match="interrupted by SIGUSR1") as ended:
            signal.raise_signal(signal.SIGUSR1)
        assert ended.value.code == 138
        signals.deferred = True
        signal.raise_signal(signal.SIGINT)
        assert signals.received is signal.SIGINT
        signal.raise_signal(signal.SIGTERM)
        assert signals.received is signal.SIGINT, "the first one counts"
        with pytest.raises(Interrupted, match="interrupted by Ctrl-C") as ended:
            signal.raise_signal(signal.SIGINT)
        assert ended.value.code == 130
        assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL, "a third one ends the process"
        with pytest.raises(Interrupted, match="interrupted by Ctrl-C"):
            signals.raise_deferred()
    assert handlers() == before


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Signals():
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_data_workers_leave_it_to_their_run() -> None:
    before = handlers()
    try:
        ignore_in_worker(0)
        for number in ASKING:
            signal.raise_signal(number)
        assert handlers() == [signal.SIG_IGN] * len(ASKING)
    finally:
        for number, handler in zip(ASKING, before, strict=True):
            signal.signal(number, handler)
