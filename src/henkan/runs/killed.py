"""Runs whose process was killed before it could close their record: it says `running`, and nobody holds their lock."""

from __future__ import annotations

from pathlib import Path

from henkan.files import Damaged, has_gone, owner
from henkan.runs.locks import LOCK, TURN, is_held, lock, try_to_hold
from henkan.runs.record import Record, Status, now, read_record, write_record

KILLED = "killed without a word (memory, kill -9, a power cut); the same command goes on from the last checkpoint"
# How long what a killed process had started is given to let go of its lock, in seconds.
WAIT = 5.0


def attended(folder: Path, record: Record) -> bool:
    """Whether a process works on a run; where locks cannot be tried, whether the one that began it may still live."""
    try:
        return is_held(folder / LOCK) or is_held(folder / TURN)
    except OSError:
        return not has_gone(str(record.get("process")))


def ending(record: Record) -> tuple[Status | None, str]:
    """Return how a run that nobody works on has ended, and why; one that says it is running was killed."""
    status = record.get("status")
    return ("interrupted", KILLED) if status == "running" else (status, record.get("error", ""))


def close_killed(folder: Path, reason: str) -> None:
    """Close the record of a run whose process was killed before it could do so itself."""
    own = lock(folder / LOCK)
    # Another process may have gone on with it by now.
    record = read_record(folder) if try_to_hold(own, WAIT) else None
    if record is not None and record["status"] == "running":
        write_record(folder, {**record, "status": "failed", "ended": now(), "error": reason})
    own.release()


def begun_by(process: int, runs: Path) -> list[Path]:
    """Return the folders of the runs whose records say that this process of this machine trains them."""
    found = []
    for path in runs.glob("*/run.json"):
        try:
            record = read_record(path.parent) or {}
        except Damaged:
            # Whose it is it cannot say, and it is named when somebody asks for that run.
            continue
        if record.get("status") == "running" and record.get("process") == owner(process):
            found.append(path.parent)
    return found
