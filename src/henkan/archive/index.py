"""All run folders of a place, read through an index: thousands of records in a second.

The index is a cache, `.index.json` beside the runs. What it holds of a file counts as long as the file has the size,
time and number that it had; an index that is damaged, or of another version, is made anew. Its first line is the digest
of the rest. Configs are read when something is asked of them; equal settings are kept once.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from henkan.errors import UserError
from henkan.files import Damaged, read_json, read_text, stamp_of, unsealed, write_file
from henkan.runs.killed import attended, ending
from henkan.runs.locks import LOCK, TURN
from henkan.runs.record import Record, as_record
from henkan.saying import say

INDEX, VERSION = ".index.json", 1
# What lies beside run folders and is none.
BESIDE = ("prefixes", "searches", "studies", "sweeps")
# What a run leaves; a folder that holds one of these and no record is a run's all the same.
TRACES = (LOCK, TURN, "config.yaml", "metrics.csv", "checkpoints")
# Of a record, what the index keeps: it is asked for, and short.
KEPT = (
    "identity",
    "status",
    "error",
    "process",
    "recipe",
    "study",
    "seed",
    "overrides",
    "title",
    "iterations",
    "prefix",
    "boundaries",
    "manifest",
    "evaluation",
    "created",
    "started",
    "ended",
    "seconds",
    "seconds_lost",
    "metrics",
)
# What is under some of these, where there is anything: whoever made a folder may have written what he likes.
KINDS = {
    "boundaries": dict,
    "created": str,
    "ended": str,
    "metrics": dict,
    "overrides": list,
    "prefix": dict,
    "title": str,
}
# As many configs are read without a word; many more take a while.
IN_SILENCE = 500
Settings = dict[str, Any]
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(eq=False)
class Entry:
    """One run: its folder, and what its record says; `intact` is whether nobody has edited that since."""

    folder: Path
    stamp: list[int]
    record: Record = field(repr=False)
    intact: bool = True
    # Of the config as it was read, and its settings.
    config_stamp: list[int] | None = None
    settings: Settings | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def identity(self) -> str:
        return self.record["identity"]

    @cached_property
    def attended(self) -> bool:
        """Whether a process works on it."""
        return self.record["status"] == "running" and attended(self.folder, self.record)

    @property
    def status(self) -> str:
        """How far it is; one that says it is running, and that nobody works on, was interrupted."""
        return self.record["status"] if self.attended else ending(self.record)[0] or ""

    @property
    def title(self) -> str:
        """What a person tells it apart by; a run of before records had titles goes by its folder."""
        return self.record.get("title") or self.name

    @property
    def metrics(self) -> dict[str, float]:
        return self.record.get("metrics") or {}


class Archive:
    """The runs of one folder, in order of their names, and those folders whose record cannot be read, with why."""

    def __init__(self, runs: Path) -> None:
        """Read the records. Raises `UserError` where there is no run at all."""
        self.runs = runs
        self.entries: list[Entry] = []
        self.damaged: dict[str, str] = {}
        known = read_index(runs / INDEX)
        self.changed = False
        for name, stamp in folders(runs):
            entry = known.pop(name, None)
            if stamp is None:
                self.damaged[name] = "it has no run.json"
            elif entry is not None and entry.stamp == stamp:
                self.entries.append(entry)
            else:
                self.read(runs / name, stamp, entry)
        self.changed |= bool(known)
        if not self.entries and not self.damaged:
            raise UserError(f"{runs} holds no runs: henkan train makes one; paths.runs=DIR looks elsewhere")

    def read(self, folder: Path, stamp: list[int], before: Entry | None) -> None:
        """Read the record of a folder that is new or has changed."""
        try:
            self.entries.append(read_entry(folder, stamp, before))
            self.changed = True
        except Damaged as error:
            self.damaged[folder.name] = str(error)

    def read_settings(self, entries: Sequence[Entry]) -> None:
        """Read the configs of some runs, as far as they are new or have changed; see `settings_of`.

        One that cannot be read has no settings, and is counted among the damaged.
        """
        stamps = {entry.name: stamp_of(entry.folder / "config.yaml") for entry in entries}
        unread = [entry for entry in entries if entry.settings is None or entry.config_stamp != stamps[entry.name]]
        if len(unread) > IN_SILENCE:
            say(f"reads {len(unread):,} configs; an index keeps them")
        for entry in unread:
            entry.settings, entry.config_stamp = None, stamps[entry.name]
            try:
                entry.settings = settings_of(entry.folder / "config.yaml")
                self.changed = True
            except Damaged as error:
                self.damaged[entry.name] = str(error)

    def close(self) -> None:
        """Keep what was read for the next time; a folder that cannot be written to has no index."""
        if self.changed:
            try:
                write_index(self.runs / INDEX, self.entries)
            except OSError:
                return
            self.changed = False


def folders(runs: Path) -> Iterator[tuple[str, list[int] | None]]:
    """Yield the names of run folders in order, each with the stamp of its record, None where it has none."""
    try:
        with os.scandir(runs) as found:
            names = sorted(each.name for each in found if each.name not in BESIDE and each.is_dir())
    except OSError as error:
        raise UserError(f"{runs}: {error.strerror}; name the folder of the runs with paths.runs=DIR") from error
    for name in names:
        stamp = stamp_of(os.path.join(runs, name, "run.json"))
        if not name.startswith(".") and (stamp is not None or any((runs / name / each).exists() for each in TRACES)):
            yield name, stamp


def read_entry(folder: Path, stamp: list[int], before: Entry | None = None) -> Entry:
    """Read a run's record; its config may still be what it was `before`. Raises `Damaged` for what is none."""
    try:
        record, intact = unsealed(read_json(folder / "run.json", "", dict))
    except Damaged as error:
        raise Damaged(str(error).removesuffix("; ")) from error
    if lacking := [key for key in ("identity", "status") if not isinstance(record.get(key), str)]:
        raise Damaged(f"its run.json does not say {' and '.join(lacking)}")
    if wrong := [key for key, kind in KINDS.items() if not isinstance(record.get(key), kind | None)]:
        raise Damaged(f"its run.json says something else under {' and '.join(wrong)} than runs do")
    kept = {key: record[key] for key in KEPT if key in record}
    config = (None, None) if before is None else (before.config_stamp, before.settings)
    return Entry(folder, stamp, as_record(kept), intact, *config)


def settings_of(path: Path) -> Settings:
    """Return the settings of a config by their dotted keys. Raises `Damaged` for what no run has written."""
    try:
        text = read_text(path, "")
    except Damaged as error:
        raise Damaged(str(error).removesuffix("; ")) from error
    try:
        # An alias of aliases is as large as its writer likes.
        if "&" in text and any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader)):
            raise Damaged(f"{path} has aliases, which no run writes")
        content = Loader(text).get_single_data()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Damaged(f"{path} is damaged ({' '.join(str(error).split())})") from error
    if not isinstance(content, dict):
        raise Damaged(f"{path} is no config of a run")
    return dict(leaves(content))


def leaves(node: Mapping[Any, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each setting with its dotted key; an empty mapping, and a list, are values too."""
    for key, value in node.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def read_index(path: Path) -> dict[str, Entry]:
    """Return the entries of an index by their names; none where there is no index, or not as it was written."""
    try:
        digest, body = path.read_bytes().split(b"\n", 1)
        if digest.decode() != hashlib.sha256(body).hexdigest():
            return {}
        content = json.loads(body)
        # Whoever has written another version knew the same digest.
        if content["version"] != VERSION:
            return {}
        pairs = [(key, value) for key, value in content["settings"]]
        found = {}
        for name, (stamp, record, intact, config_stamp, numbers) in content["runs"].items():
            settings = None if numbers is None else dict(map(pairs.__getitem__, numbers))
            found[name] = Entry(path.parent / name, stamp, record, intact, config_stamp, settings)
    except (OSError, ValueError, TypeError, LookupError, AttributeError):
        return {}
    return found


def write_index(path: Path, entries: list[Entry]) -> None:
    """Write an index of these runs."""
    pairs: dict[tuple[str, str], int] = {}
    values: list[tuple[str, Any]] = []
    runs = {}
    for entry in entries:
        numbers = None
        if entry.settings is not None:
            numbers = []
            for key, value in entry.settings.items():
                number = pairs.setdefault((key, repr(value)), len(values))
                if number == len(values):
                    values.append((key, value))
                numbers.append(number)
        runs[entry.name] = (entry.stamp, entry.record, entry.intact, entry.config_stamp, numbers)
    # A date, which YAML knows and JSON does not, is asked for in words.
    body = json.dumps({"version": VERSION, "settings": values, "runs": runs}, default=str, separators=(",", ":"))
    content = body.encode("utf-8", "surrogatepass")
    write_file(path, hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
