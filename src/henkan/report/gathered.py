"""Runs that no study has asked for, put together as one: whatever their folders are, a report reads them.

Runs whose configs are the same but for the seed, and for where things lie and are called, are one configuration. It
goes by what was set otherwise than in the others: recipe, loss, scale, and the overrides of its command.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from glob import glob
from io import StringIO
from pathlib import Path
from typing import cast

from henkan.archive.index import Archive, Entry, read_entry, settings_of
from henkan.archive.query import POST, way
from henkan.config.explain import suggestion
from henkan.config.searches import TRIALS
from henkan.config.told import told
from henkan.errors import UserError
from henkan.files import Damaged, read_json, stamp_of, unsealed, write_sealed
from henkan.launching.swept import RUNS, noted
from henkan.report.plan import Plan
from henkan.report.trials import read_trials
from henkan.saying import say

# What no configuration is told apart by: its runs are of several seeds, studies and places.
COMMON = ("logger", "objective", "paths", "point", "recipe", "rerun", "seed", "study", "swept", "variant")
# Of the trainer, what its runs share all the same.
TRAINER = ("trainer.precision", "trainer.channels_last", "trainer.compile")
# What a configuration goes by before all else.
TELLING = ("recipe", "loss", "scale", "generator")
# How many scores are shown where nobody has chosen.
HEADLINE = 3


@dataclass
class Group:
    """A configuration: its runs, by what it goes."""

    runs: list[Entry] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    name: str = ""


def found(path: str) -> list[Path] | None:
    """Return the run folders that a path means; None for one that is none.

    It is a run, a study, a search, a sweep's folder, a folder of runs, or a pattern of any of these.
    """
    if not Path(path).exists():
        several = [found(name) or [] for name in sorted(glob(path)) if Path(name).exists()]
        return [folder for folders in several for folder in folders] or None
    folder = Path(path)
    if (folder / "run.json").is_file():
        return [folder]
    if (folder / RUNS).is_file():
        return noted(folder)
    if (folder / TRIALS).is_file():
        return of_search(folder)
    if (folder / "study.json").is_file():
        return of_study(folder)
    if not folder.is_dir():
        return None
    if next(folder.glob("*/run.json"), None) is None:
        return None
    archive = Archive(folder)
    archive.close()
    return [*(entry.folder for entry in archive.entries), *(folder / name for name in archive.damaged)]


def of_search(folder: Path) -> list[Path]:
    """Return the runs of a search, each once; by their names beside it, where the search has been moved."""
    rows = csv.DictReader(StringIO(read_trials(folder)[0]))
    named = [Path(row["folder"]) for row in rows if row.get("folder")]
    beside = folder.resolve().parents[1]
    return list(dict.fromkeys(path if path.is_dir() else beside / path.name for path in named))


def of_study(folder: Path) -> list[Path]:
    """Return the runs of a study that have begun."""
    plan, _ = unsealed(read_json(folder / "study.json", "henkan study writes it again", dict))
    paths = [folder / str(node["folder"]) for node in plan.get("runs") or []]
    return [path for path in paths if path.is_dir()]


def gather(paths: Sequence[str], into: Path | None = None, baseline: str | None = None) -> Path:
    """Write the `study.json` of the runs that paths mean, and return its folder.

    It lies in `into`; a sweep's in its own folder, an earlier one's where that is, others below `studies` beside the
    first run, by their identities.
    A folder without runs among others is left out, with a word. Raises `UserError` for what holds no runs otherwise, or
    runs that cannot be compared.
    """
    folders: dict[Path, None] = {}
    for path in paths:
        runs = found(path)
        if not runs and len(paths) > 1 and Path(path).is_dir():
            # A shell's pattern names what else lies there: a failed evaluation, a sweep that was stopped.
            say(f"{path} holds no runs: left out")
        elif not runs:
            raise UserError(f"{path} holds no runs: name runs, a sweep's folder, a search, a study or a folder of runs")
        folders |= dict.fromkeys(map(Path.resolve, runs or []))
    entries = [entry for folder in folders if (entry := entered(folder)) is not None]
    if not entries:
        raise UserError(f"{' '.join(paths)}: none of {len(folders)} folders is a run that can be read")
    groups = grouped(entries)
    names = [group.name for group in groups]
    alone = Path(paths[0]) if len(paths) == 1 else None
    if into is None and alone is not None and ((alone / RUNS).is_file() or is_gathered(alone)):
        into = alone
    if baseline is not None and baseline not in names:
        raise UserError(f"baseline={baseline}{suggestion(baseline, names)}: the configurations are {'; '.join(names)}")
    if into is None:
        identities = sorted(entry.identity for entry in entries)
        name = hashlib.sha256("".join(identities).encode()).hexdigest()[:8]
        into = entries[0].folder.parent / "studies" / f"runs-{name}"
    before = earlier(into)
    if before is not None and not before.get("gathered"):
        raise UserError(f"{into} holds a study: another folder with --into DIR")
    if baseline is None and before is not None and before.get("baseline") in names:
        # As somebody has chosen it then.
        baseline = before["baseline"]
    plan = planned(groups, baseline or names[0], into)
    check_alike(groups, list(plan["metrics"]))
    into.mkdir(parents=True, exist_ok=True)
    write_sealed(into / "study.json", plan)
    return into


def is_gathered(folder: Path) -> bool:
    """Whether a folder holds a `study.json` that was put together here."""
    return (earlier(folder) or {}).get("gathered") is True


def earlier(folder: Path) -> Plan | None:
    """Return what the `study.json` of a folder says; None where there is none. Raises `Damaged` for a damaged one."""
    path = folder / "study.json"
    if not path.is_file():
        return None
    return cast(Plan, unsealed(read_json(path, "henkan study writes it again", dict))[0])


def entered(folder: Path) -> Entry | None:
    """Read a run with its settings; what cannot be read is named and left out."""
    stamp = stamp_of(folder / "run.json")
    try:
        if stamp is None:
            raise Damaged("it has no run.json")
        entry = read_entry(folder, stamp)
        entry.settings = settings_of(folder / "config.yaml")
    except Damaged as error:
        say(f"left out: {folder.name} ({error})")
        return None
    return entry


def grouped(entries: Sequence[Entry]) -> list[Group]:
    """Put runs together that differ in their seeds alone, and name each of these configurations."""
    groups: dict[str, Group] = {}
    for entry in entries:
        group = groups.setdefault(key_of(entry), Group())
        twin = next((one for one in group.runs if seed_of(one) == seed_of(entry)), None)
        if twin is None:
            group.runs.append(entry)
        else:
            kept, other = (entry, twin) if entry.status == "done" != twin.status else (twin, entry)
            group.runs[group.runs.index(twin)] = kept
            why = "is" if entry.identity == twin.identity else "has the settings of"
            say(f"left out: {other.name} (it {why} {kept.name} once more)")
        group.facts = group.facts or facts_of(entry)
    several = list(groups.values())
    given = names(several)
    for group, name in zip(several, given, strict=True):
        group.name = f"{name} {group.runs[0].identity[:6]}" if given.count(name) > 1 else name
    return several


def key_of(entry: Entry) -> str:
    """Return what runs of one configuration have in common: settings, and what their pictures show."""
    settings = entry.settings or {}
    parts = sorted(
        f"{key}={value!r}"
        for key, value in settings.items()
        if key.partition(".")[0] not in COMMON and (not key.startswith("trainer.") or key in TRAINER)
    )
    return "\n".join([*parts, f"pictures: {entry.record.get('manifest')}"])


def seed_of(entry: Entry) -> int | None:
    """Return a run's seed; None where nothing is trained, and so no seed matters."""
    settings = entry.settings or {}
    trained = any(key.startswith("loss.") for key in settings)
    return int(entry.record.get("seed", settings.get("seed", 0))) if trained else None


def facts_of(entry: Entry) -> dict[str, str]:
    """Return what a configuration may be called by: recipe, terms, scale, and what its command has set."""
    settings = entry.settings or {}
    terms = dict.fromkeys(key.split(".")[1] for key in settings if key.startswith("loss."))
    facts = {
        "recipe": entry.record.get("recipe"),
        "loss": "+".join(sorted(terms)),
        "scale": settings.get("scale.name"),
        **told(entry.record.get("overrides") or []),
    }
    return {key: str(value) for key, value in facts.items() if value}


def names(groups: Sequence[Group]) -> list[str]:
    """Return what each configuration is called: by what it has otherwise than others, as far as that tells it apart.

    Words of recipe, loss and scale stand alone, others with their keys. Two may be called the same, if nobody has said
    what sets them apart.
    """
    keys = list(dict.fromkeys(key for group in groups for key in group.facts))
    values = {key: {group.facts.get(key) for group in groups} for key in keys}
    apart = [key for key in keys if len(values[key]) > 1]
    first = [key for key in apart if key in TELLING]
    for key in [*(each for each in reversed(apart) if each not in first), *reversed(first)]:
        # What has one value, wherever it was set, is left out unless a name needs it.
        if len(values[key] - {None}) == 1:
            with_it, without = called(groups, apart), called(groups, [each for each in apart if each != key])
            if len(set(without)) == len(set(with_it)) and without.count("") == with_it.count(""):
                apart.remove(key)
    if not apart:
        return [group.facts.get("recipe") or group.runs[0].title for group in groups]
    return [name or "as the recipe is" for name in called(groups, apart)]


def called(groups: Sequence[Group], keys: Sequence[str]) -> list[str]:
    """Return the words of some keys for each configuration."""
    return [
        " ".join(
            group.facts[key] if key in ("recipe", "loss", "scale") else f"{key}={group.facts[key]}"
            for key in keys
            if key in group.facts
        )
        for group in groups
    ]


# As studies that were asked for have it: what trains nothing is shown under one seed.
UNTRAINED = [0]


def planned(groups: Sequence[Group], baseline: str, into: Path) -> Plan:
    """Return the content of `study.json`; see `henkan.report.plan.Plan`."""
    runs = [(group, entry) for group in groups for entry in group.runs]
    seeds = sorted({seed for _, entry in runs if (seed := seed_of(entry)) is not None})
    directions = {name: better for _, entry in runs for name, better in directions_of(entry).items()}
    decided = [name for name, direction in directions.items() if direction is not None]
    count = len(runs)
    return {
        "gathered": True,
        "name": into.name,
        "title": f"{count} run{'s' * (count != 1)}",
        "question": None,
        "recipe": ", ".join(dict.fromkeys(str(entry.record.get("recipe")) for _, entry in runs)),
        "scale": ", ".join(dict.fromkeys(group.facts.get("scale", "") for group in groups)),
        "baseline": baseline,
        "headline": decided[:HEADLINE],
        "plane": None,
        "bound": None,
        "seeds": seeds or UNTRAINED,
        "configurations": {
            group.name: {
                "variant": group.name,
                "point": {},
                "overrides": list(group.runs[0].record.get("overrides", [])),
            }
            for group in groups
        },
        "overrides": [],
        "metrics": directions,
        "runs": [
            {
                "configuration": group.name,
                "seed": seed_of(entry),
                "folder": os.path.relpath(entry.folder, into.resolve()),
                "status": entry.status,
                "error": entry.record.get("error"),
            }
            for group, entry in runs
        ],
        "saved_iterations": 0,
    }


def directions_of(entry: Entry) -> Mapping[str, str | None]:
    """Return what a run was scored by, and which way is better; see `henkan.archive.query.better`."""
    settings = entry.settings or {}
    return {name: settings.get(f"metric.{name.removesuffix(POST)}.better") for name in entry.metrics}


def check_alike(groups: Sequence[Group], metrics: Sequence[str]) -> None:
    """Say where scores do not compare: taken in other ways, or on other pictures."""
    for metric in metrics:
        ways: dict[str, list[str]] = {}
        for group in groups:
            for entry in group.runs:
                if metric in entry.metrics:
                    ways.setdefault(way(entry, metric), []).append(group.name)
        if len(ways) > 1:
            told = "; ".join(", ".join(dict.fromkeys(names)) for names in ways.values())
            say(f"{metric} was taken in {len(ways)} ways, which do not compare: {told}")
            return
