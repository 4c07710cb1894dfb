"""What `run.json` says of a run: types for a plain mapping, so that what other versions have written stays in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypedDict, cast


class Start(TypedDict):
    """The shared prefix that a run has started from."""

    iteration: int
    identity: str


class Record(TypedDict, total=False):
    """One run's record. No entry is sure to be there: a run may have been recorded by an earlier version."""

    identity: str
    nonce: str
    status: Literal["running", "done", "failed"]
    error: str
    recipe: str | None
    study: str | None
    seed: int
    overrides: list[str]
    iterations: int
    prefix: Start
    # The hashes of the data, of the sources by module, and of how the run is scored.
    manifest: str
    code: dict[str, str]
    evaluation: str
    commit: str | None
    uncommitted: bool
    hardware: dict[str, str | int]
    versions: dict[str, str]
    # When the folder was made, when training was started last, and when it ended.
    created: str
    started: str
    ended: str
    seconds: float
    training_seconds: float
    warnings: list[str]
    metrics: dict[str, float]


# What a resumed run takes over from its record.
KEPT = ("nonce", "created", "seconds", "prefix", "warnings")


def as_record(content: Mapping[str, Any]) -> Record:
    """Return the content of a `run.json` as what it is."""
    return cast(Record, content)


def kept(record: Record) -> Record:
    """Return what a resumed run takes over."""
    return as_record({name: value for name, value in record.items() if name in KEPT})
