"""A run that somebody ends before its time: it reads why in its own folder once a signal has reached it.

The record then says `stopped`, which is neither a failure nor an accident; the same command still goes on with the run.
"""

from __future__ import annotations

from pathlib import Path

from henkan.runs.record import Record, as_record, now, write_record

STOP = ".stop"


def say_why(folder: Path, reason: str) -> None:
    """Leave in a run's folder why it is to stop; whoever does so then sends it SIGTERM."""
    (folder / STOP).write_text(reason, encoding="utf-8")


def why_stopped(folder: Path) -> str | None:
    """Return why a run is to stop; None where nobody has said so."""
    return (folder / STOP).read_text(encoding="utf-8") if (folder / STOP).is_file() else None


def close_stopped(folder: Path, record: Record) -> Record:
    """Return the record of an ended run that was to stop, closed as such: it may not have come to that itself."""
    if record.get("status") != "stopped":
        record = as_record({**record, "status": "stopped", "ended": now(), "error": why_stopped(folder) or ""})
        write_record(folder, record)
    return record


def forget(folder: Path) -> None:
    """Take back what an earlier start was told."""
    (folder / STOP).unlink(missing_ok=True)
