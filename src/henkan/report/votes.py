"""What people have said of a study's pictures.

`votes.jsonl` in the study's folder has a line an answer: which of two runs' outputs of one test picture somebody, shown
both without their names, has found better. Runs go by their identities, so what was said of a run that has been trained
otherwise since does not count.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypedDict, cast

from henkan.report.run import Run
from henkan.runs.locks import lock

FILE = "votes.jsonl"
Answer = Literal["left", "right", "tie"]
# What the left one has of a vote.
SHARES: Mapping[str, float] = {"left": 1.0, "tie": 0.5, "right": 0.0}


class Vote(TypedDict):
    """A line of the file; `left_run` and `right_run` are identities, the configurations are there for the reader."""

    pair: str
    picture: str
    seed: int | None
    left: str
    right: str
    left_run: str
    right_run: str
    answer: Answer
    voter: str
    time: str


def read_votes(folder: Path) -> list[Vote]:
    """Return the votes of a study's folder, the last one of each voter on each two pictures.

    A line that a killed process has not finished is none.
    """
    path = folder / FILE
    found: dict[tuple[Any, ...], Vote] = {}
    for line in path.read_bytes().splitlines() if path.is_file() else ():
        if (vote := as_vote(line)) is not None:
            found[(vote["voter"], *question(vote))] = vote
    return list(found.values())


def question(vote: Vote) -> tuple[Any, ...]:
    """Return what was asked, whichever side was left."""
    return vote["picture"], vote["seed"], frozenset((vote["left_run"], vote["right_run"]))


def as_vote(line: bytes) -> Vote | None:
    """Return what a line of the file says; None for what is no vote."""
    try:
        content = json.loads(line)
    except ValueError:
        return None
    texts = ("pair", "picture", "left", "right", "left_run", "right_run", "answer", "voter", "time")
    if not isinstance(content, dict) or not all(isinstance(content.get(key), str) for key in texts):
        return None
    return cast(Vote, content) if content["answer"] in SHARES and "seed" in content else None


def append(folder: Path, votes: Iterable[Vote]) -> None:
    """Add votes to a study's folder: on the disk when this returns, and whole, whoever else writes or is killed."""
    text = "".join(json.dumps(vote, ensure_ascii=False) + "\n" for vote in votes).encode()
    with lock(folder / f".{FILE}.turn"):
        file = os.open(folder / FILE, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            size = os.fstat(file).st_size
            if size and os.pread(file, 1, size - 1) != b"\n":
                text = b"\n" + text
            written = 0
            while written < len(text):
                written += os.write(file, text[written:])
            os.fsync(file)
        finally:
            os.close(file)


def identity_of(run: Run) -> str:
    """Return what a run is known by; one of an earlier version by its folder."""
    return str(run.record.get("identity", run.folder.name))
