"""`run.json`, a run's record, and what of its folder was edited or damaged since it was written.

When a run ends, the record takes digests of what is read back (`TRAINED`, `SCORED`); it is sealed by one of itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NotRequired, TypedDict, cast

from henkan.files import Damaged, digest_of, digests, read_json, unsealed, write_sealed
from henkan.training.recorder import Ended

Status = Literal["running"] | Ended


class Environment(TypedDict):
    """Where the iterations from one on were trained."""

    since: int
    hardware: dict[str, str | int]
    versions: dict[str, str]


class Start(TypedDict):
    """The shared prefix that a run has started from."""

    iteration: int
    identity: str
    # What the prefix took; a run of before it was counted does not say.
    seconds: NotRequired[float]


class Record(TypedDict, total=False):
    """One run's record: a type for a plain mapping, so that what other versions have written stays in it.

    No entry is sure to be there: a run may have been recorded by an earlier version.
    """

    identity: str
    mark: str | None
    nonce: str
    status: Status
    error: str
    rerun: bool
    launch: str | None
    # Which one trains it, or did last, as in 4711@host.
    process: str
    recipe: str | None
    study: str | None
    # The folder of the sweep that has started it.
    sweep: str
    seed: int
    overrides: list[str]
    title: str
    iterations: int
    prefix: Start
    # Iteration → the identity of what is trained up to there, which other runs may share.
    boundaries: dict[str, str]
    resumed_from: dict[str, str | int]
    # The hashes of the data (the pairs', and each stream's), of the sources by module, and of how the run is scored.
    manifest: str
    manifests: dict[str, str]
    code: dict[str, str]
    evaluation: str
    commit: str | None
    commits: dict[str, str]
    uncommitted: bool
    hardware: dict[str, str | int]
    versions: dict[str, str]
    environments: list[Environment]
    # When the folder was made, when training was started last, when its clock was, and when it ended.
    created: str
    started: str
    trained_since: str
    ended: str
    seconds: float
    seconds_lost: float
    # The iterations of the checkpoints that stay by the clock.
    for_good: list[int]
    warnings: list[str]
    # How wide lines are in the drawings that are trained on, in pixels: see `henkan.runs.lines`.
    lines: dict[str, float]
    # How many numbers the generator, and the discriminator where there is one, consist of: a part of what a run costs.
    parameters: dict[str, int]
    metrics: dict[str, float]
    # The digests of what is read back, by name in the folder.
    digests: dict[str, str]


# What a resumed run takes over from its record.
KEPT = (
    "nonce",
    "sweep",
    "created",
    "seconds",
    "seconds_lost",
    "trained_since",
    "for_good",
    "environments",
    "prefix",
    "resumed_from",
    "warnings",
    "lines",
)

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


def as_record(content: Mapping[str, Any]) -> Record:
    """Return the content of a `run.json` as what it is."""
    return cast(Record, content)


def kept(record: Record) -> Record:
    """Return what a resumed run takes over."""
    return as_record({name: value for name, value in record.items() if name in KEPT})


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
    return as_record(record)


def _read(folder: Path) -> tuple[dict[str, Any], bool] | None:
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


def now(precision: str = "seconds") -> str:
    return datetime.now(UTC).isoformat(timespec=precision)
