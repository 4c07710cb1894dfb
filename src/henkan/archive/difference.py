"""What two runs differ in: their configs, what they were trained on and with, and their scores."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from henkan.archive.index import Archive, Entry, Settings
from henkan.archive.query import better, way
from henkan.errors import UserError
from henkan.files import Damaged, read_text
from henkan.runs.record import Record, altered, read_record

# What a run has not.
NOTHING = "–"
# What is empty, and a mapping that is there.
NULL, THERE = "null", "there"
# Of a config, what says where things lie and what a run is called: last, since no weight depends on it.
WITHOUT_EFFECT = ("content", "logger", "paths", "point", "recipe", "rerun", "run", "study", "style", "swept", "variant")


@dataclass(frozen=True)
class Difference:
    """The runs' differences, a line each: a key, and what each of the two says."""

    settings: list[tuple[str, Any, Any]]
    facts: list[tuple[str, Any, Any]]
    scores: list[tuple[str, float | None, float | None]]
    directions: dict[str, str | None]
    remarks: list[str]


def difference(archive: Archive, one: Entry, other: Entry) -> Difference:
    """Return what two runs differ in. Raises `UserError` where the config of one cannot be read."""
    archive.read_settings([one, other])
    settings: list[Settings] = []
    for entry in (one, other):
        if entry.settings is None:
            raise UserError(f"{entry.name} cannot be compared: {archive.damaged[entry.name]}")
        settings.append(entry.settings)
    records = [read_record(entry.folder) or {} for entry in (one, other)]
    names = list(dict.fromkeys([*one.metrics, *other.metrics]))
    return Difference(
        settings=list(settings_apart(*settings)),
        facts=list(facts_apart(*records)),
        scores=[(name, one.metrics.get(name), other.metrics.get(name)) for name in names],
        directions={name: better(archive, [one, other], name) for name in names},
        remarks=list(remarks(one, other)),
    )


def settings_apart(one: Settings, other: Settings) -> Iterator[tuple[str, Any, Any]]:
    """Yield the settings that differ, those first that weights may depend on.

    What only one of them has, as a term of its loss, is one line: under the name of the whole, its class.
    """
    found: dict[str, tuple[Any, Any]] = {}
    groups = [set(wholes(settings)) for settings in (one, other)]
    for key in dict.fromkeys([*one, *other]):
        if one.get(key, NOTHING) == other.get(key, NOTHING):
            continue
        name = key
        if (key in one) != (key in other):
            # The shortest whole around it that the other one lacks.
            own, its, there = (one, groups[0], groups[1]) if key in one else (other, groups[1], groups[0])
            name = min((whole for whole in its - there if key.startswith(f"{whole}.")), key=len, default=key)
            value = own.get(f"{name}._target_", THERE).rpartition(".")[2] if name != key else own[key]
            # Under this name the other one may have a value, null say.
            mine, theirs = found.get(name, (NOTHING, NOTHING))
            found[name] = (value, theirs) if own is one else (mine, value)
        else:
            found[name] = (one[key], other[key])
    for name in sorted(found, key=lambda each: each.partition(".")[0] in WITHOUT_EFFECT):
        mine, theirs = (NULL if value is None else value for value in found[name])
        yield name, mine, theirs


def wholes(settings: Settings) -> Iterator[str]:
    """Yield the keys of all mappings that settings lie in."""
    for key in settings:
        words = key.split(".")
        yield from (".".join(words[:count]) for count in range(1, len(words)))


def facts_apart(one: Record, other: Record) -> Iterator[tuple[str, Any, Any]]:
    """Yield what differs in what was done: data, sources, versions, machine, status and cost."""
    for key in ("status", "iterations", "seconds", "commit"):
        if one.get(key) != other.get(key):
            yield key, one.get(key, NOTHING), other.get(key, NOTHING)
    groups: list[tuple[str, Any, Any]] = [
        ("data of", one.get("manifests"), other.get("manifests")),
        ("source", one.get("code"), other.get("code")),
        ("version of", one.get("versions"), other.get("versions")),
        ("hardware:", one.get("hardware"), other.get("hardware")),
    ]
    for word, mine, theirs in groups:
        mine, theirs = mine or {}, theirs or {}
        for key in dict.fromkeys([*mine, *theirs]):
            # A source that only one config names is told by the config.
            if mine.get(key) != theirs.get(key) and (word != "source" or (key in mine and key in theirs)):
                yield f"{word} {key}", shortened(mine.get(key, NOTHING)), shortened(theirs.get(key, NOTHING))


def shortened(value: Any) -> Any:
    """Return the beginning of a hash; all else whole."""
    return (
        value[:10] if isinstance(value, str) and len(value) >= 16 and set(value) <= set("0123456789abcdef") else value
    )


def remarks(one: Entry, other: Entry) -> Iterator[str]:
    """Yield what a reader must know of both before the scores are compared."""
    if one.identity == other.identity:
        yield "they are one run: nothing that weights depend on differs"
    common = [name for name in one.metrics if name in other.metrics]
    apart = [name for name in common if way(one, name) != way(other, name)]
    if apart or (common and pictures(one.folder) != pictures(other.folder)):
        yield (
            f"{', '.join(apart or common)}: these scores do not compare, they were taken in other ways or on other "
            "pictures; henkan evaluate run=RUN takes them alike"
        )
    for entry in (one, other):
        if names := altered(entry.folder):
            yield f"{entry.name}: edited or damaged since: {', '.join(names)}"


def pictures(folder: Path) -> list[str] | None:
    """Return the names of the pictures that a run was scored on; None where that cannot be read."""
    try:
        rows = list(csv.DictReader(StringIO(read_text(folder / "scores.csv", ""))))
    except (Damaged, csv.Error):
        return None
    return sorted(str(row.get("file")) for row in rows)
