"""`metrics.csv`: one row a log step, the truth about a run's curves, and beside them what an iteration took."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from henkan.files import replaced

Row = dict[str, float | int | str]
# Columns of what the machine took: no part of a result, and never twice the same.
MEASURED = ("time/", "memory/")


class Curves:
    """Rows by iteration, on disk as soon as they are added; cut back to the checkpoint when a run is resumed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.columns: list[str] = ["iteration", "phase"]
        self.rows: list[Row] = []

    def load(self, until: int, source: Path | None = None) -> None:
        """Take up the rows of an earlier stretch (this file's, or another's), up to and including iteration `until`."""
        self.rows = [row for row in read_rows(source or self.path) if int(row["iteration"]) <= until]
        self.columns = list(dict.fromkeys(["iteration", "phase", *(name for row in self.rows for name in row)]))
        self._write()

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
            with self.path.open("a", newline="") as file:
                csv.DictWriter(file, self.columns).writerow(self.rows[-1])

    def _write(self) -> None:
        with replaced(self.path) as partial, partial.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.columns)
            writer.writeheader()
            writer.writerows(self.rows)


def read_rows(path: Path) -> list[Row]:
    """Read rows with numbers as numbers; cells that were empty are absent. A line cut short by a kill is dropped."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        rows: list[Row] = []
        for cells in reader:
            if any(value is None for value in cells.values()):
                continue
            row: Row = {
                name: value if name == "phase" else float(value) for name, value in cells.items() if value != ""
            }
            row["iteration"] = int(float(cells["iteration"]))
            rows.append(row)
    return rows
