"""What becomes of a record whose process was killed before it could close it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from henkan.files import owner
from henkan.runs import killed
from henkan.runs.killed import KILLED, attended, begun_by, close_killed, ending
from henkan.runs.locks import LOCK, TURN, lock
from henkan.runs.record import Record, read_record, write_record
from henkan.runs.run import Run

CONFIG = {"seed": 0, "recipe": "glcic", "loss": {"mse": {}}, "trainer": {"devices": 1}, "rerun": False}


def left(folder: Path, **entries: str) -> Record:
    """Write what a killed process leaves."""
    folder.mkdir()
    record: Record = {"identity": "a" * 64, "status": "running", "process": owner(), **entries}  # type: ignore[typeddict-item]
    write_record(folder, record)
    return record


def test_the_next_launch_says_it_before_it_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    left(tmp_path / "run")
    run = Run(tmp_path / "run", "a" * 64, CONFIG, {})  # type: ignore[arg-type]
    with run.claimed():
        record = read_record(run.folder)
        assert record is not None
        assert (record["status"], record["error"]) == ("interrupted", KILLED)
        run.begin(["seed=0"], {"paired": "pictures"}, 18, {})
    assert capsys.readouterr().err == f"henkan: run was {KILLED}\n"
    record = read_record(run.folder)
    assert record is not None
    assert (record["status"], record["process"]) == ("running", owner())
    assert "error" not in record


def test_it_is_closed_with_its_reason_unless_another_process_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(killed, "WAIT", 0.1)
    left(tmp_path / "run")
    with lock(tmp_path / "run" / LOCK):
        close_killed(tmp_path / "run", "signal 9")
    assert (read_record(tmp_path / "run") or {})["status"] == "running"
    close_killed(tmp_path / "run", "signal 9")
    record = read_record(tmp_path / "run")
    assert record is not None
    assert (record["status"], record["error"]) == ("failed", "signal 9")


def test_a_run_is_attended_while_somebody_holds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = left(tmp_path / "run")
    assert not attended(tmp_path / "run", record)
    for name in (LOCK, TURN):
        with lock(tmp_path / "run" / name):
            assert attended(tmp_path / "run", record)
    assert ending(record) == ("interrupted", KILLED)
    assert ending({"status": "failed", "error": "why"}) == ("failed", "why")

    def refused(_: Path) -> bool:
        raise PermissionError

    # In a folder of somebody else no lock can be tried: what is known is whether the process lives.
    monkeypatch.setattr(killed, "is_held", refused)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert attended(tmp_path / "run", record)
    assert attended(tmp_path / "run", {**record, "process": "1@elsewhere"})
    assert not attended(tmp_path / "run", {**record, "process": owner(gone.pid)})


def test_the_runs_of_a_process_are_found(tmp_path: Path) -> None:
    left(tmp_path / "mine")
    left(tmp_path / "done", status="done")
    left(tmp_path / "another", process=owner(1))
    # One that cannot be read is named where somebody asks for it, and ends no sweep of others.
    left(tmp_path / "damaged")
    (tmp_path / "damaged" / "run.json").write_text("{")
    assert begun_by(os.getpid(), tmp_path) == [tmp_path / "mine"]
