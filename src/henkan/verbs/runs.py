"""List runs and find them, compare two, rank them, see what they take, delete them.

A run is named by the beginning of its identity, its folder, or a pattern. Filters are what its record, its scores and
its config say: key=value (or !=, <, >, <=, >=; a,b is either; * is a pattern), a setting by its dotted key. Folders are
those of outputs/runs, or of paths.runs=DIR. --csv prints all there is to a table, --columns=KEY,KEY shows more.

  henkan runs                                        # all of them, the last begun first
  henkan runs status=done loss=adversarial recipe=glcic 'weights.adversarial<0.01'
  henkan runs 1a2b3c                                 # by identity
  henkan runs compare 1a2b3c 4d5e6f                  # what their configs differ in, and their scores
  henkan runs rank psnr_hole recipe=glcic --columns=weights.adversarial
  henkan runs disk                                   # the largest first
  henkan runs delete 1a2b3c --yes                    # never one that is being trained
  henkan runs delete status=failed recipe=glcic      # asks first
  henkan runs prefixes                               # shared beginnings, and whether a run still needs them
  henkan runs delete prefixes --yes                  # those that none needs
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from henkan.archive.difference import difference
from henkan.archive.disk import PARTS, REST, prefixes, taken
from henkan.archive.index import Archive, Entry
from henkan.archive.query import as_number, better, condition, know, named, one_named, select, value_of, way
from henkan.archive.removal import delete
from henkan.archive.table import Row, described, show, size, told_apart
from henkan.config.trees import default_runs
from henkan.errors import UserError
from henkan.saying import say

OPTION = "paths.runs="
# How many folders that are left out are named.
NAMED = 5


def main(arguments: list[str]) -> int:
    given, words = parse(arguments)
    place = next((word.removeprefix(OPTION) for word in words if word.startswith(OPTION)), None)
    words = [word for word in words if not word.startswith(OPTION)]
    action = words.pop(0) if words and words[0] in ACTIONS else "list"
    archive = Archive(Path(place) if place else default_runs())
    try:
        ACTIONS[action](archive, words, given)
    finally:
        archive.close()
        tell_damaged(archive)
    return 0


def parse(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser("henkan runs", description="List, compare, rank and delete runs.")
    parser.add_argument("words", nargs="*", help="what to do, runs, and filters: see henkan runs --help")
    parser.add_argument("--csv", action="store_true", help="print the table as CSV, with all there is to it")
    parser.add_argument(
        "--columns", default="", metavar="KEY,KEY", help="settings and scores to show beside the others"
    )
    order = parser.add_mutually_exclusive_group()
    order.add_argument("--highest", action="store_true", help="rank: high is better")
    order.add_argument("--lowest", action="store_true", help="rank: low is better")
    parser.add_argument("--yes", action="store_true", help="delete without asking")
    given = parser.parse_intermixed_args(arguments)
    return given, given.words


def tell_damaged(archive: Archive) -> None:
    """Name the folders that were left out, and the records that somebody has edited."""
    lines = [f"left out: {name} ({why})" for name, why in sorted(archive.damaged.items())]
    lines += [f"edited since: run.json of {entry.name}" for entry in archive.entries if not entry.intact]
    for line in lines[:NAMED]:
        say(line)
    if len(lines) > NAMED:
        say(f"and {len(lines) - NAMED} more such folders")


def chosen(archive: Archive, words: Sequence[str]) -> list[Entry]:
    """Return the runs that words name, as far as all filters are true of them; without names, of all."""
    read = {word: condition(word) for word in words}
    conditions = [one for one in read.values() if one is not None]
    names = [word for word, one in read.items() if one is None]
    among = list(dict.fromkeys(entry for word in names for entry in named(archive, word))) if names else None
    found = select(archive, conditions, among)
    if not found:
        say(f"none of {len(archive.entries):,} runs fits {' '.join(map(str, conditions))}")
    return found


def show_list(archive: Archive, words: Sequence[str], given: argparse.Namespace) -> None:
    entries = sorted(chosen(archive, words), key=lambda entry: entry.record.get("created", ""), reverse=True)
    rows = described(archive, entries, columns(given), everything=given.csv)
    show(rows, given.csv, f"{len(rows):,} of {len(archive.entries):,} runs in {archive.runs}")


def show_rank(archive: Archive, words: Sequence[str], given: argparse.Namespace) -> None:
    """Rank by a score, or by whatever else is a number; runs without it are left out."""
    if not words or condition(words[0]) is not None:
        raise UserError("henkan runs rank needs a score: henkan runs rank psnr")
    metric, *rest = words
    entries = chosen(archive, rest)
    if not entries:
        return
    know(archive, [metric], entries)
    direction = "lower" if given.lowest else "higher" if given.highest else better(archive, entries, metric)
    if direction is None:
        raise UserError(f"no config says which way {metric} is better: --lowest or --highest")
    numbers = [(as_number(value_of(entry, metric)), entry) for entry in entries]
    # A score that is no number (NaN) is the last, whichever way.
    scored = [(value, entry) for value, entry in numbers if value is not None and value == value]
    scored.sort(key=lambda pair: pair[0] if direction == "lower" else -pair[0])
    ranked = [entry for _, entry in scored]
    archive.read_settings(ranked)
    rows = described(archive, ranked, [metric, *columns(given)], everything=given.csv)
    alike = [way(entry, metric) for entry in ranked] if any(metric in entry.metrics for entry in ranked) else []
    for row, how in zip(rows, alike, strict=False):
        if len(set(alike)) > 1:
            row["scored"] = how
    for row in rows:
        if not given.csv and "ended" not in columns(given):
            row.pop("ended")
    rows = [{"rank": place, **row} for place, row in enumerate(rows, 1)]
    show(rows, given.csv, f"{len(rows):,} runs by {metric}, {direction} is better")
    if left := len(entries) - len(ranked):
        say(f"{left:,} runs have no {metric}")
    if len(set(alike)) > 1:
        say("only runs that were scored alike (column scored) compare")


def show_difference(archive: Archive, words: Sequence[str], given: argparse.Namespace) -> None:
    if len(words) != 2:
        raise UserError("henkan runs compare needs two runs: henkan runs compare 1a2b3c 4d5e6f")
    one, other = (one_named(archive, word) for word in words)
    found = difference(archive, one, other)
    names = [each.identity[:10] if one.identity != other.identity else each.name for each in (one, other)]
    kinds = {"setting": found.settings, "record": found.facts, "score": found.scores}
    rows = []
    for kind, lines in kinds.items():
        for key, mine, theirs in lines:
            row: Row = {"of": kind, "key": key, names[0]: mine, names[1]: theirs}
            if kind == "score":
                row["change"] = None if mine is None or theirs is None else theirs - mine
                row["better"] = found.directions[key]
            rows.append(row)
    show(rows, given.csv, "  |  ".join(told_apart([one, other])))
    for remark in found.remarks:
        say(remark)


def show_disk(archive: Archive, words: Sequence[str], given: argparse.Namespace) -> None:
    rows = []
    entries = chosen(archive, words)
    for entry, title in zip(entries, told_apart(entries), strict=True):
        parts = taken(entry.folder)
        row: Row = {"identity": entry.identity if given.csv else entry.identity[:10], "status": entry.status}
        rows.append(row | parts | {"bytes": sum(parts.values()), "run": entry.name if given.csv else title})
    rows.sort(key=lambda row: -row["bytes"])
    total = sum(row["bytes"] for row in rows)
    shared = [prefix.bytes for prefix in prefixes(archive)]
    also = f"; {len(shared)} shared prefixes take {size(sum(shared))} beside them" if shared else ""
    show(rows, given.csv, f"{len(rows):,} runs take {size(total)}{also}", sizes=(*PARTS, REST, "bytes"))


def show_prefixes(archive: Archive, words: Sequence[str], given: argparse.Namespace) -> None:
    if words:
        raise UserError(f"henkan runs prefixes {' '.join(words)}: it lists them all, and takes no more words")
    found = prefixes(archive)
    rows = [
        {
            "prefix": prefix.folder.name,
            "iteration": prefix.iteration,
            "bytes": prefix.bytes,
            "runs": len(prefix.runs),
            "needed": "; ".join(prefix.needed) or "no",
        }
        for prefix in found
    ]
    free = [prefix for prefix in found if not prefix.needed]
    title = f"{len(found)} shared prefixes"
    if free:
        title += f"; no run needs {len(free)} of them, {size(sum(prefix.bytes for prefix in free))}: "
        title += "henkan runs delete prefixes"
    show(rows, given.csv, title, sizes=("bytes",))


def remove(archive: Archive, words: Sequence[str], given: argparse.Namespace) -> None:
    """Delete the runs that words name, or the prefixes that no run needs, once a person has said so."""
    if not words:
        raise UserError("henkan runs delete needs runs or filters: henkan runs delete 1a2b3c, or status=failed")
    if words[0] == "prefixes":
        show_prefixes(archive, words[1:], given)
        folders = [prefix.folder for prefix in prefixes(archive) if not prefix.needed]
        names = [folder.name for folder in folders]
    else:
        # A half-written folder has no identity: it goes by its whole name.
        folders = [archive.runs / word for word in words if word in archive.damaged]
        rest = [word for word in words if word not in archive.damaged]
        if rest:
            conditions = [word for word in rest if condition(word) is not None]
            named_ones = [one_or_pattern(archive, word) for word in rest if condition(word) is None]
            among = [entry.name for entries in named_ones for entry in entries]
            found = chosen(archive, [*among, *conditions])
            busy = [entry.name for entry in found if entry.attended]
            if busy:
                raise UserError(f"{busy[0]} is being trained: nothing was deleted; end that process first")
            folders += [entry.folder for entry in found]
        names = [folder.name for folder in folders]
    if not folders:
        say("there is nothing to delete")
        return
    total = sum(sum(taken(folder).values()) for folder in folders)
    what = f"{len(folders):,} folder{'s' * (len(folders) > 1)}, {size(total)}"
    if words[0] != "prefixes":
        print("\n".join(names))
    if not given.yes:
        if not sys.stdin.isatty():
            raise UserError(f"nothing was deleted ({what}): --yes deletes without asking")
        if input(f"delete {what}? [y/N] ").strip().lower() not in ("y", "yes"):
            say("nothing was deleted")
            return
    delete(folders)
    gone = set(names)
    archive.entries = [entry for entry in archive.entries if entry.name not in gone]
    archive.damaged = {name: why for name, why in archive.damaged.items() if name not in gone}
    archive.changed = True
    print(f"deleted {what}")


def one_or_pattern(archive: Archive, word: str) -> list[Entry]:
    """Return what a word names where more than one would be a mistake, unless it is a pattern."""
    return named(archive, word) if "*" in word else [one_named(archive, word)]


def columns(given: argparse.Namespace) -> list[str]:
    return [word for word in given.columns.split(",") if word]


ACTIONS = {
    "list": show_list,
    "compare": show_difference,
    "rank": show_rank,
    "delete": remove,
    "disk": show_disk,
    "prefixes": show_prefixes,
}
