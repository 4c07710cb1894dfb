"""Locks: held, waited for, and how a person gets past one that a machine has left behind."""

from __future__ import annotations

import errno
import fcntl
import threading
from pathlib import Path

import pytest

from henkan.runs.locks import hold, is_held, lock, try_to_hold


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    path = tmp_path / "folder" / ".lock"
    assert not is_held(path)
    first, second = lock(path), lock(path)
    assert try_to_hold(first)
    assert not try_to_hold(second)
    assert is_held(path)
    first.release()
    assert not is_held(path)
    assert try_to_hold(second)


def test_one_waits_says_so_and_gets_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = lock(tmp_path / ".lock"), lock(tmp_path / ".lock")
    first.acquire()
    # In a thread, since filelock refuses to let one wait for itself.
    waiting = threading.Thread(target=hold, args=(second, "another process trains it"), daemon=True)
    waiting.start()
    said = ""
    while not said and waiting.is_alive():
        waiting.join(0.05)
        said = capsys.readouterr().err
    assert waiting.is_alive()
    first.release()
    waiting.join(10)
    assert not waiting.is_alive()
    assert not try_to_hold(lock(tmp_path / ".lock"))
    assert said == "henkan: another process trains it: waiting for it\n"


def test_without_flock_the_lock_of_another_machine_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", missing)
    path = tmp_path / ".lock"
    path.write_text("4711\nnode7\n")
    said: list[str] = []

    def removed_by_who_reads_it(line: str) -> None:
        said.append(line)
        path.unlink()

    monkeypatch.setattr("henkan.ranks.say", removed_by_who_reads_it)
    one = lock(path)
    with pytest.warns(UserWarning, match="flock"):
        hold(one, "another process trains it")
    assert one.is_locked
    (line,) = said
    assert line.endswith(f"waiting for it (process 4711 on node7; if that machine is gone, remove {path})")
