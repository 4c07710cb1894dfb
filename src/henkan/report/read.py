"""Reads a study's folder as it stands, finished or not: what is missing is missing, never an error."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import cast

from henkan.errors import UserError
from henkan.files import Damaged, read_json, read_sealed, unsealed
from henkan.report.plan import Plan
from henkan.report.run import STATUSES, Run
from henkan.report.study import Study
from henkan.report.words import listed
from henkan.runs.killed import attended, ending
from henkan.runs.record import Record, as_record

NEVER = "1970-01-01T00:00:00+00:00"


def read_record(path: Path) -> tuple[Record, bool]:
    """Return a run's record, and whether it is as it was written; empty where it is absent, or half-written."""
    try:
        content, intact = unsealed(read_json(path, "", dict))
    except Damaged:
        return as_record({}), not path.exists()
    return as_record(content), intact


def folder_of_study(name: str, overrides: Sequence[str]) -> Path:
    """Return the folder of a study: the one that is named, or that the study of this name writes into.

    Raises `UserError` where no study has been begun there.
    """
    from henkan.config.studies import read_study as asked

    if not overrides and (Path(name) / "study.json").is_file():
        return Path(name)
    study = asked(name, overrides)
    folder = study.folder
    if not (folder / "study.json").is_file():
        told = f"{folder} holds no study yet: henkan study {' '.join([name, *overrides])} begins it"
        if others := study.begun:
            told += f"; begun with other settings: {listed(one.name for one in others)}"
        raise UserError(told)
    return folder


def now_of(path: Path, record: Record, status: str, error: str, since: float) -> tuple[str, str]:
    """Return status and error of a run now: `study.json` has said these, and its own record says what came after.

    A record that says nothing, or is not as it was written, is empty here.
    """
    own = record.get("status")
    if status == "done" and (own is None or own == "done"):
        # A folder that was removed is to be trained again.
        return ("done" if (path / "run.json").exists() else "waiting"), error
    if own == "done" and datetime.fromisoformat(record.get("ended", NEVER)).timestamp() > since:
        return "done", ""
    if status not in ("running", "done"):
        return status, error
    if attended(path, record):
        return "running", ""
    # Nobody has said so: the study was killed too, or the run was begun once more by hand.
    ended, error = ending(record)
    return ended or "waiting", error


def read_study(folder: Path) -> Study:
    """Read the study in `folder` (it holds study.json). Raises UserError where there is none."""
    path = folder / "study.json"
    if not path.exists():
        raise UserError(f"{folder} holds no study: study.json is missing")
    plan = cast(Plan, read_sealed(path, "henkan study writes it again"))
    lacking = [key for key in ("configurations", "seeds", "runs") if key not in plan]
    if lacking:
        raise UserError(f"{folder} holds no study: study.json lacks {', '.join(lacking)}")
    runs, since = [], path.stat().st_mtime
    for node in plan["runs"]:
        path = folder / str(node["folder"])
        record, intact = read_record(path / "run.json")
        status, error = str(node.get("status", "waiting")), str(node.get("error") or "")
        status, error = now_of(path, record if intact else as_record({}), status, error, since)
        runs.append(
            Run(
                configuration=str(node["configuration"]),
                seed=None if node["seed"] is None else int(node["seed"]),
                folder=path,
                status=status if status in STATUSES else "waiting",
                record=record,
                # What killed a process that had not begun is known to the study alone.
                error=error or record.get("error", ""),
                intact=intact,
            )
        )
    return Study(folder, plan, runs)
