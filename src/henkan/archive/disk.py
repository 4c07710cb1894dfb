"""What runs take on the disk, and the shared prefixes that no run needs any more."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from henkan.archive.index import Archive, Entry
from henkan.files import Damaged, read_json, unsealed
from henkan.runs.locks import LOCK, is_held

# What is told apart in a run's folder; the rest goes by this word.
PARTS, REST = ("checkpoints", "pictures"), "rest"
# As a folder of a prefix is called: by so many characters of its identity (`henkan.runs.prefix.folder`).
LENGTH = 20
# With these, the same command trains nothing of a run any more.
ENDED = ("done", "stopped")


def taken(folder: Path) -> dict[str, int]:
    """Return the bytes that a run takes, by its parts. A file of two names counts once, what a link leads to not."""
    found = dict.fromkeys((*PARTS, REST), 0)
    seen: set[tuple[int, int]] = set()
    for place, _, names in os.walk(folder):
        part = Path(place).relative_to(folder).parts[:1]
        kind = part[0] if part and part[0] in PARTS else REST
        for name in names:
            try:
                one = os.lstat(os.path.join(place, name))
            except FileNotFoundError:
                # A run that is trained replaces files.
                continue
            if (one.st_dev, one.st_ino) not in seen:
                seen.add((one.st_dev, one.st_ino))
                # As the disk counts, in blocks of 512.
                found[kind] += one.st_blocks * 512
    return found


@dataclass(frozen=True)
class Prefix:
    """A shared prefix: its folder, the iteration of its boundary where a run says it, who has used or made it, and why
    it is to stay.
    """

    folder: Path
    iteration: int | None
    runs: list[str]
    needed: list[str]

    @cached_property
    def bytes(self) -> int:
        return sum(taken(self.folder).values())


def prefixes(archive: Archive) -> list[Prefix]:
    """Return the shared prefixes, in order of their names.

    One is needed while a process is on the way to it, by a run that has not ended and has no checkpoint of its own
    beyond it, and by those that a study, or whatever else some process is at, has yet to begin. Nothing is lost with
    one that is not: whoever needs it again trains it again.
    """
    place = archive.runs / "prefixes"
    users: dict[str, list[Entry]] = {}
    iterations: dict[str, int] = {}
    for entry in archive.entries:
        for identity, iteration in boundaries(entry).items():
            users.setdefault(identity[:LENGTH], []).append(entry)
            iterations[identity[:LENGTH]] = iteration
    waiting = unfinished(archive)
    found = []
    for folder in sorted(place.iterdir()) if place.is_dir() else []:
        if not folder.is_dir():
            continue
        own = users.get(folder.name, [])
        reasons = ["a run is on the way to it"] if is_held(folder / LOCK) else []
        reasons += [
            f"{entry.name} is {entry.status}"
            for entry in own
            if entry.attended or (entry.status not in ENDED and not (entry.folder / "checkpoints/last.ckpt").is_file())
        ]
        studies = dict.fromkeys(study for entry in own for study in waiting.get(entry.name, ()))
        reasons += [f"{study} has runs to do" for study in studies]
        found.append(Prefix(folder, iterations.get(folder.name), [entry.name for entry in own], reasons))
    return found


def boundaries(entry: Entry) -> dict[str, int]:
    """Return the prefixes that a run shares with others, and their iterations; of before, the one it started from."""
    found = {identity: int(end) for end, identity in (entry.record.get("boundaries") or {}).items()}
    if start := entry.record.get("prefix"):
        found[start["identity"]] = start["iteration"]
    return found


def unfinished(archive: Archive) -> dict[str, list[str]]:
    """Return the studies and searches, by the runs that they have, that are not done with them all."""
    found: dict[str, list[str]] = {}
    by_name = {entry.name: entry for entry in archive.entries}
    for path in sorted((archive.runs / "studies").glob("*/study.json")):
        runs = list(of_study(path, by_name))
        if any(status not in ENDED for _, status in runs):
            for name, _ in runs:
                found.setdefault(name, []).append(path.parent.name)
    # Between two runs, nobody but those at work tells of a search.
    busy = {entry.record.get("study") for entry in archive.entries if entry.attended} - {None}
    for entry in archive.entries:
        if entry.record.get("study") in busy:
            found.setdefault(entry.name, []).append(str(entry.record.get("study")))
    return found


def of_study(path: Path, runs: Mapping[str, Entry]) -> Iterable[tuple[str, str]]:
    """Yield the names of a study's runs and how far each is; nothing of a study that cannot be read."""
    try:
        plan, _ = unsealed(read_json(path, "", dict))
    except Damaged:
        return
    # A report of any runs asks for none.
    nodes: Any = None if plan.get("gathered") else plan.get("runs")
    for node in nodes if isinstance(nodes, list) else []:
        name = Path(str(node["folder"])).name
        yield name, runs[name].status if name in runs else str(node.get("status"))
