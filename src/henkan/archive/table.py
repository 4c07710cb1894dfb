"""Runs as a table: a row each, for a terminal, a pipe or a spreadsheet."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from henkan.archive.index import Archive, Entry
from henkan.archive.query import ABSENT, OF_RECORDS, Parts, know, value_of

# Widths: of what stands beside scores, of one of these, of what is shown of a title at least, of lines in a pipe.
ROOM, COLUMN, TITLE, PIPE = 80, 14, 24, 220
# How many rows a person is shown.
ROWS = 500
STYLES = {"done": "green", "failed": "red", "running": "bold", "interrupted": "yellow", "stopped": "dim"}
# Columns that may take several lines.
FREE = ("key", "needed")
Row = dict[str, Any]


def described(archive: Archive, entries: Sequence[Entry], keys: Sequence[str], everything: bool) -> list[Row]:
    """Return a row a run: what it is, how far, what is under `keys`, and as many of its scores as there is room for."""
    if entries:
        know(archive, keys, entries)
    counts = Counter(name for entry in entries for name in entry.metrics)
    room = None if everything else max(0, (width() - ROOM) // COLUMN - len(keys))
    shown = [*keys, *[name for name, _ in counts.most_common() if name not in keys][:room]]
    titles = told_apart(entries)
    rows = []
    for entry, title in zip(entries, titles, strict=True):
        row: Row = {"identity": entry.identity if everything else entry.identity[:10], "status": entry.status}
        row["run"] = entry.name if everything else title
        if everything:
            row |= {name: value_of(entry, name) for name in OF_RECORDS if name not in row}
        else:
            row["ended"] = "" if entry.status == "running" else entry.record.get("ended", "")[:16].replace("T", " ")
        for key in shown:
            found = value_of(entry, key)
            row[key] = None if found is ABSENT else " ".join(sorted(found)) if isinstance(found, Parts) else found
        rows.append(row)
    return rows


def told_apart(entries: Sequence[Entry]) -> list[str]:
    """Return titles of runs without what all of them were set to alike."""
    words = [entry.title.split(" ") for entry in entries]
    common = set.intersection(*map(set, words)) if len(words) > 1 else set()
    return [" ".join([first, *(word for word in rest if word not in common)]) for first, *rest in words]


def width() -> int:
    """Return how wide tables may be: as the terminal, or wide for whoever reads a pipe."""
    return Console().width if sys.stdout.isatty() else PIPE


def show(rows: Sequence[Row], as_csv: bool, title: str, sizes: Sequence[str] = ()) -> None:
    """Print rows: as CSV, as a table for the terminal, or into a pipe in plain lines.

    Columns come in the order in which they first occur; those of `sizes` are bytes.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    if as_csv:
        if not rows:
            return
        writer = csv.DictWriter(sys.stdout, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return
    print(title)
    if not rows:
        return
    terminal = sys.stdout.isatty()
    shown = rows[:ROWS] if terminal else rows
    cells = [[size(row[name]) if name in sizes else in_words(row.get(name)) for name in names] for row in shown]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    if "run" in names:
        # A title is told by its beginning; an identity stands beside it.
        place = names.index("run")
        left = max(TITLE, width() - sum(widths) + widths[place] - 2 * len(widths))
        widths[place] = min(widths[place], left)
        for line in cells:
            if len(line[place]) > left:
                line[place] = f"{line[place][: left - 1]}…"
    numeric = [all(isinstance(row.get(name), int | float | None) for row in shown) for name in names]
    fits = sum(widths) + 2 * (len(widths) - 1) <= width() or any(name in FREE for name in names)
    if not (terminal and fits):
        for line in [names, *cells]:
            padded = zip(line, widths, numeric, strict=True)
            print(
                "  ".join(text.rjust(count) if right else text.ljust(count) for text, count, right in padded).rstrip()
            )
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, right in zip(names, numeric, strict=True):
        table.add_column(Text(name), justify="right" if right else "left", overflow="fold", no_wrap=name not in FREE)
    for line in cells:
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in line))
    Console().print(table)
    if len(rows) > ROWS:
        print(f"… and {len(rows) - ROWS:,} more: filters say less, --csv or a pipe shows all")


def in_words(value: Any) -> str:
    """Return a cell: a number with four digits, nothing for None."""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return "" if value is None else str(value)


def size(count: float) -> str:
    """Return bytes as people say them: 638 MB."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if count >= 10 or unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
