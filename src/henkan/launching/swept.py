"""What a sweep ends with: a table of its runs, in which the swept values stand."""

from __future__ import annotations

from collections.abc import Sequence

from henkan.launching.execute import Result


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
