"""Ranks that torchrun (or srun) has started together: a launch resumes, waits for another one, or adopts, as one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from henkan import ranks
from henkan.runs.curves import last_iteration
from henkan.runs.record import read_record

Launch = list[subprocess.Popen[bytes]]


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    """What a test has started; what still runs at its end is killed."""
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def launch(name: str, words: list[str], folder: Path, started: list[subprocess.Popen[bytes]]) -> Launch:
    """Start both ranks of a run as torchrun does; each prints into NAME-RANK.txt."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    common = {
        "TORCHELASTIC_RUN_ID": name,
        "TORCHELASTIC_RESTART_COUNT": "0",
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
        "GROUP_RANK": "0",
    }
    found = []
    for rank in range(2):
        with (folder / f"{name}-{rank}.txt").open("wb") as log:
            found.append(
                subprocess.Popen(
                    [sys.executable, "-m", "henkan", "train", *words],
                    env={**os.environ, **common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
                    stdout=log,
                    stderr=log,
                )
            )
    started += found
    return found


def said(folder: Path, name: str) -> str:
    return "".join((folder / f"{name}-{rank}.txt").read_text() for rank in range(2))


@pytest.mark.slow
def test_launches_end_together_resume_wait_and_adopt(
    tiny: list[str], tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    words = [*tiny, "trainer.accelerator=cpu", "trainer.devices=2", "schedule.joint.iterations=40", "loss=[mse]"]
    runs = tmp_path / "runs"
    first = launch("first", words, tmp_path, started)
    while not any(last_iteration(path) >= 10 for path in runs.glob("*/metrics.csv")):
        assert all(rank.poll() is None for rank in first), said(tmp_path, "first")
        time.sleep(0.01)
    for rank in first:
        rank.send_signal(signal.SIGKILL)
        rank.wait()

    (last,) = runs.glob("*/checkpoints/last.ckpt")
    whole = last.read_bytes()
    last.write_bytes(whole[:-100])
    refused = launch("refused", words, tmp_path, started)
    # The first rank alone reads it; the other does not wait for that one forever.
    assert [rank.wait(60) for rank in refused] == [2, 0], said(tmp_path, "refused")
    last.write_bytes(whole)

    second = launch("second", words, tmp_path, started)
    third = launch("third", words, tmp_path, started)
    for name, both in (("second", second), ("third", third)):
        assert [rank.wait(240) for rank in both] == [0, 0], said(tmp_path, name)
    (folder,) = (path.parent for path in runs.glob("*/run.json"))
    record = read_record(folder)
    assert record is not None
    assert (record["status"], record["iterations"]) == ("done", 46)
    # One of the two has trained what was left, on both ranks; the other has waited for it.
    texts = [said(tmp_path, name) for name in ("second", "third")]
    assert sorted("resumed at iteration" in text for text in texts) == [False, True]
    assert sorted("done already" in text for text in texts) == [False, True]
    assert sum(text.count("resumed at iteration") for text in texts) == 1, "one rank tells"


def test_a_launch_is_told_from_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    torchrun = {"TORCHELASTIC_RUN_ID": "none", "TORCHELASTIC_RESTART_COUNT": "0", "WORLD_SIZE": "2"}
    for name, value in {**torchrun, "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    one = ranks.launch()
    assert one is not None and one == ranks.launch()
    # Without --standalone each run of torchrun is called "none": by another agent it is another one.
    monkeypatch.setattr(os, "getppid", lambda: 4711)
    assert ranks.launch() != one
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "1")
    assert ranks.launch() == "none.0", "the agents of two machines have no process in common"
