"""The pairs of pictures that people are asked about, and the answers of theirs that come back as a file."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from henkan.config.explain import suggestion
from henkan.errors import UserError
from henkan.files import read_json
from henkan.report.run import Run
from henkan.report.study import Study
from henkan.report.votes import SHARES, Answer, Vote, append, identity_of, question, read_votes

# What of a picture a voter, or whoever compares, looks at.
ROLES = ("source", "output", "target")
# Of answers, in bytes.
LARGEST_FILE = 10_000_000
LONGEST_NAME = 80


@dataclass(frozen=True)
class Pair:
    """Two runs' outputs of one test picture, and what both were shown."""

    picture: str
    seed: int | None
    left: Run
    right: Run
    images: dict[str, Path]
    """`left`, `right`, and `source` where it was kept."""

    @property
    def identity(self) -> str:
        """What names it, sides and all, and tells nothing."""
        content = [self.picture, self.seed, identity_of(self.left), identity_of(self.right)]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]

    def vote(self, answer: Answer, voter: str, time: str) -> Vote:
        return {
            "pair": self.identity,
            "picture": self.picture,
            "seed": self.seed,
            "left": self.left.configuration,
            "right": self.right.configuration,
            "left_run": identity_of(self.left),
            "right_run": identity_of(self.right),
            "answer": answer,
            "voter": voter,
            "time": time,
        }

    def turned(self) -> Pair:
        images = {**self.images, "left": self.images["right"], "right": self.images["left"]}
        return Pair(self.picture, self.seed, self.right, self.left, images)


def pairs(study: Study, configurations: Sequence[str] = ()) -> list[Pair]:
    """Return every pair of two configurations at one point of the axes, on one seed's output of one test picture.

    Raises `UserError` where there is none: unknown configurations, none of which two are done with kept pictures, or
    pictures of other test sets.
    """
    known = list(dict.fromkeys(name for part in study.sections.values() for name in part.configurations))
    for name in configurations:
        if name not in known:
            raise UserError(
                f"there is no configuration {name!r}{suggestion(name, known)}; there are {', '.join(known)}"
            )
    found, met, alike = [], False, False
    for part in study.sections.values():
        names = [name for name in part.configurations if not configurations or name in configurations]
        for seed in part.seeds:
            runs = part.belonging(seed)
            ready = [runs[name] for name in names if name in runs and runs[name].pictures]
            for one, other in itertools.combinations(ready, 2):
                if identity_of(one) == identity_of(other):
                    continue
                met = True
                both = of_two(one, other)
                alike = alike or bool(both)
                found += both
    if found:
        # What trains nothing has one output for all seeds.
        return list({pair.identity: pair for pair in found}.values())
    if not met:
        raise UserError(
            f"study {study.name}: there are no two configurations whose runs are done and have kept pictures "
            "(evaluation.kept says how many)"
        )
    raise UserError(f"study {study.name}: its runs have kept no pictures of the same test set that differ")


def of_two(one: Run, other: Run) -> list[Pair]:
    """Return the pairs of two runs: of pictures of the same name and truth, whose outputs differ."""
    seed = one.seed if one.seed is not None else other.seed
    numbers = {name: number for number, name in enumerate(other.picture_names)}
    found = []
    for number, name in enumerate(one.picture_names):
        there = numbers.get(name, -1)
        mine = {role: path for role in ROLES if (path := one.picture(number, role)) is not None}
        theirs = {role: path for role in ROLES if (path := other.picture(there, role)) is not None}
        if not all("output" in roles and "target" in roles for roles in (mine, theirs)):
            continue
        if content(mine["target"]) == content(theirs["target"]) and content(mine["output"]) != content(
            theirs["output"]
        ):
            images = {"left": mine["output"], "right": theirs["output"]}
            if "source" in mine:
                images["source"] = mine["source"]
            found.append(Pair(name, seed, one, other, images))
    return found


def content(path: Path) -> bytes:
    return path.read_bytes()


def drawn(found: Sequence[Pair], seed: int, voter: str) -> list[Pair]:
    """Return the pairs in an order, and with sides, that chance has chosen: for each voter and seed the same."""
    digest = hashlib.sha256(json.dumps([seed, voter]).encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8]))
    order = sorted(found, key=lambda pair: (pair.picture, pair.seed or 0, pair.left.configuration, pair.identity))
    sides = rng.integers(0, 2, len(order))
    sided = [pair.turned() if side else pair for pair, side in zip(order, sides, strict=True)]
    return [sided[place] for place in rng.permutation(len(sided))]


def left_to_ask(found: Sequence[Pair], votes: Iterable[Vote], voter: str) -> list[Pair]:
    """Return the pairs that this voter has not answered, whichever side was left."""
    asked = {question(vote) for vote in votes if vote["voter"] == voter}
    runs = [(pair, frozenset((identity_of(pair.left), identity_of(pair.right)))) for pair in found]
    return [pair for pair, both in runs if (pair.picture, pair.seed, both) not in asked]


def imported(study: Study, path: Path) -> tuple[int, int]:
    """Add the answers of a file that the page has saved; return how many were new, and how many there are.

    Raises `UserError` for a file that is none, or that is about other runs.
    """
    if path.is_file() and path.stat().st_size > LARGEST_FILE:
        raise UserError(f"{path} is no file of answers: it is larger than {LARGEST_FILE // 10**6} MB")
    said = read_json(path, "the page saves its answers again", dict)
    voter, answers = said.get("voter"), said.get("answers")
    if not isinstance(voter, str) or not isinstance(answers, list) or "study" not in said:
        raise UserError(f"{path} is no file of answers: it says no study, voter and answers")
    if said["study"] != study.name:
        raise UserError(f"{path} is about the study {said['study']!r}, not {study.name}")
    voter = named(voter)
    known = {pair.identity: pair for both in pairs(study) for pair in (both, both.turned())}
    asked = read_votes(study.folder)
    votes: list[Vote] = []
    for number, one in enumerate(answers, 1):
        fits = isinstance(one, dict) and all(isinstance(one.get(key), str) for key in ("pair", "answer", "time"))
        if not fits or one["answer"] not in SHARES or not is_time(one["time"]):
            raise UserError(f"{path}: answer {number} is none: it needs pair, answer ({', '.join(SHARES)}) and time")
        if one["pair"] not in known:
            raise UserError(
                f"{path}: answer {number} is about runs that study {study.name} does not have, or no longer"
            )
        votes.append(known[one["pair"]].vote(one["answer"], voter, one["time"]))
    there = {(vote["voter"], vote["pair"], vote["time"]) for vote in asked}
    fresh = [vote for vote in votes if (vote["voter"], vote["pair"], vote["time"]) not in there]
    append(study.folder, fresh)
    return len(fresh), len(votes)


def named(voter: str) -> str:
    """Return a voter's name. Raises `UserError` for what is none."""
    name = voter.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise UserError(f"voter={voter!r} must be a name of 1 to {LONGEST_NAME} characters")
    return name


def is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
