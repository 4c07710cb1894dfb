"""`run.json`, a run's record, and what of its folder was edited or damaged since it was written.

When a run ends, the record takes digests of what is read back (`TRAINED`, `SCORED`); it is sealed by one of itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from henkan.files import Damaged, digest_of, digests, read_json, unsealed, write_sealed

Record = dict[str, Any]

WAY_OUT = "without it the same command goes on from the checkpoint: remove it"
# What training has left of a run, and what scoring has, that is read back; checkpoints have checksums of their own.
TRAINED = ("config.yaml", "metrics.csv")
SCORED = (
    "evaluation.json",
    "scores.csv",
    "samples.csv",
    "areas.csv",
    "curve.csv",
    "set_scores.json",
    "absent_scores.json",
    "pictures/*",
)


def read_record(folder: Path) -> Record | None:
    """Return the record of a run folder, or None where there is none; see `altered` for what was changed since.

    Raises `Damaged` for what is no record any more.
    """
    found = _read(folder)
    if found is None:
        return None
    record, _ = found
    if lacking := [key for key in ("identity", "status") if not isinstance(record.get(key), str)]:
        raise Damaged(f"{folder / 'run.json'} is damaged (it does not say {' and '.join(lacking)}); {WAY_OUT}")
    return record


def _read(folder: Path) -> tuple[Record, bool] | None:
    """Return the record, and whether it is as it was written."""
    path = folder / "run.json"
    return unsealed(read_json(path, WAY_OUT, dict)) if path.exists() else None


def write_record(folder: Path, record: Record) -> None:
    write_sealed(folder / "run.json", record)


def altered(folder: Path, patterns: Iterable[str] = (*TRAINED, *SCORED)) -> list[str]:
    """Return which files of a run that has ended were edited, damaged or removed since, its record first.

    Only those that `patterns` name; runs of before there were digests have none.
    """
    found = _read(folder)
    if found is None:
        return []
    record, intact = found
    then = record.get("digests")
    names = [
        str(name)
        for name, digest in (then.items() if isinstance(then, dict) else ())
        if any(PurePosixPath(name).match(pattern) for pattern in patterns)
        and not ((folder / name).is_file() and digest_of(folder / name) == digest)
    ]
    return names if intact else ["run.json", *names]


def scored_again(folder: Path) -> dict[str, str]:
    """Return the digests of a run whose config and scores were written anew: that of its curves stays."""
    then = (read_record(folder) or {}).get("digests") or {}
    curves = {name: digest for name, digest in then.items() if name == "metrics.csv"}
    return {**curves, **digests(folder, ("config.yaml", *SCORED))}
