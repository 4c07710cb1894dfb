"""`metrics.csv`: one row a log step, the truth about a run's curves, and beside them what an iteration took."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from contextlib import suppress
from io import StringIO
from pathlib import Path

from henkan.files import Damaged, read_text, replaced

Row = dict[str, float | int | str]
# Columns of what the machine took: no part of a result, and never twice the same.
MEASURED = ("time/", "memory/")


class Curves:
    """Rows by iteration, on disk as soon as they are added; cut back to the checkpoint when a run is resumed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.columns: list[str] = ["iteration", "phase"]
        self.rows: list[Row] = []

    def take_up(self, rows: Iterable[Row], until: int) -> None:
        """Go on from the rows of an earlier stretch, up to and including iteration `until`, whatever the file says."""
        self.rows = [row for row in rows if int(row["iteration"]) <= until]
        self.columns = list(dict.fromkeys(["iteration", "phase", *(name for row in self.rows for name in row)]))
        self._write()

    @property
    def text(self) -> str:
        """All rows, as they stand in the file: a checkpoint keeps them, since files beside it may come to harm."""
        table = StringIO(newline="")
        writer = csv.DictWriter(table, self.columns)
        writer.writeheader()
        writer.writerows(self.rows)
        return table.getvalue()

    def add(self, row: Mapping[str, float | int | str]) -> None:
        """Add a row; values of the iteration that the last row has are added to that row."""
        if self.rows and self.rows[-1]["iteration"] == row["iteration"]:
            self.rows[-1].update(row)
            changed = True
        else:
            self.rows.append(dict(row))
            changed = False
        new = [name for name in row if name not in self.columns]
        self.columns += new
        if new or changed or not self.path.exists():
            self._write()
        else:
            try:
                with self.path.open("a", newline="", encoding="utf-8") as file:
                    csv.DictWriter(file, self.columns).writerow(self.rows[-1])
            except OSError as error:
                # A full disk says so when the file is closed, and not which one it is.
                error.filename = error.filename or str(self.path)
                raise

    def _write(self) -> None:
        with replaced(self.path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
            file.write(self.text)


def read_rows(path: Path) -> list[Row]:
    """Read the rows of a file; see `parse_rows`. No rows where there is no file. Raises `Damaged` naming it."""
    if not path.exists():
        return []
    way_out = "remove it if its curves can be missed, or train the run again with rerun=true"
    try:
        return parse_rows(read_text(path, way_out))
    except (ValueError, csv.Error) as error:
        raise Damaged(f"{path} is damaged ({error}); {way_out}") from error


def parse_rows(text: str) -> list[Row]:
    """Return rows with numbers as numbers; cells that were empty are absent. A line cut short by a kill is dropped.

    Raises `ValueError` for what is no table of curves: no header, a line in the middle with too few cells or with a
    cell that is no number, iterations that do not rise.
    """
    if "\0" in text:
        raise ValueError("it holds a NUL")
    reader = csv.reader(StringIO(text, newline=""))
    columns = next(reader, [])
    if columns[:2] != ["iteration", "phase"] or len(set(columns)) < len(columns):
        raise ValueError("its first line does not name the columns")
    lines = list(reader)
    if lines and (len(lines[-1]) < len(columns) or not text.endswith("\n")):
        lines.pop()
    rows: list[Row] = []
    for number, cells in enumerate(lines, 2):
        if len(cells) != len(columns):
            raise ValueError(f"line {number} has {len(cells)} cells for {len(columns)} columns")
        found = {name: cell for name, cell in zip(columns, cells, strict=True) if cell != ""}
        row: Row = {name: cell if name == "phase" else float(cell) for name, cell in found.items()}
        row["iteration"] = int(float(cells[0]))
        if rows and int(row["iteration"]) <= int(rows[-1]["iteration"]):
            raise ValueError(f"line {number} goes back to iteration {row['iteration']}")
        rows.append(row)
    return rows


def last_iteration(path: Path) -> int:
    """Return the iteration of the last row of a `metrics.csv`, reading only its end."""
    with suppress(OSError, ValueError, IndexError), path.open("rb") as file:
        size, length = file.seek(0, 2), 4096
        while True:
            file.seek(max(0, size - length))
            lines = file.read().splitlines()
            # Of a single line that does not begin the file, a part may be missing.
            if len(lines) > 1 or length >= size:
                return int(float(lines[-1].split(b",")[0]))
            length *= 4
    return 0
