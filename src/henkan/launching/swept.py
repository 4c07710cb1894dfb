"""What a sweep leaves: the folders of its runs, named in `runs.txt`, and a table in which the swept values stand."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from henkan.files import Damaged, read_text
from henkan.launching.execute import Result

# Where a sweep lies that this process is a run of, and which file there names the runs, as seen from it.
SWEEP, RUNS = "HENKAN_SWEEP", "runs.txt"


@contextmanager
def sweeping(folder: Path) -> Iterator[None]:
    """Let runs that are started meanwhile be those of the sweep in a folder."""
    before = os.environ.get(SWEEP)
    os.environ[SWEEP] = str(folder.absolute())
    try:
        yield
    finally:
        if before is None:
            del os.environ[SWEEP]
        else:
            os.environ[SWEEP] = before


def note(run: Path) -> None:
    """Name the folder of a run in its sweep, if it is of one."""
    if place := os.environ.get(SWEEP):
        # In one piece, since several runs may do so at once.
        with (Path(place) / RUNS).open("a", encoding="utf-8") as file:
            file.write(f"{os.path.relpath(run, place)}\n")


def sweep_name() -> str | None:
    """Return what the sweep is called that this process is a run of, its folder's name; None where it is of none."""
    place = os.environ.get(SWEEP)
    return None if place is None else Path(place).name


def noted(folder: Path) -> list[Path]:
    """Return the folders of a sweep's runs, each once, in the order in which they were begun."""
    try:
        lines = read_text(folder / RUNS, "").splitlines()
    except Damaged:
        return []
    return list(dict.fromkeys(folder / line for line in lines if line))


def swept(jobs: Sequence[Sequence[str]]) -> list[str]:
    """Return the keys whose values differ between the overrides of some runs, in order."""
    values: dict[str, set[str]] = {}
    for overrides in jobs:
        for word in overrides:
            key, _, value = word.partition("=")
            values.setdefault(key, set()).add(value)
    given = [{word.partition("=")[0] for word in overrides} for overrides in jobs]
    return [key for key, found in values.items() if len(found) > 1 or not all(key in one for one in given)]


def table(
    objectives: Sequence[str], jobs: Sequence[Sequence[str]], results: Sequence[Result | str | None]
) -> list[str]:
    """Return the lines of a table: a row a run with its swept values, and last what it returned or how it ended."""
    keys = swept(jobs)
    rows = [[*(key.lstrip("+") for key in keys), *objectives]]
    for overrides, result in zip(jobs, results, strict=True):
        given = dict(word.partition("=")[::2] for word in overrides)
        if result is None or isinstance(result, str):
            last = [result or "", *[""] * (len(objectives) - 1)]
        else:
            last = [f"{value:.4f}" for value in (result if isinstance(result, list) else [result])]
        rows.append([*(given.get(key, "") for key in keys), *last])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
