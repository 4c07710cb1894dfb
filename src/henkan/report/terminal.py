"""The headline scores as a table for the terminal."""

from __future__ import annotations

from io import StringIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from henkan.report.answer import SYMBOLS, answer, digits_of, identical, interval_words, pictures_of, power
from henkan.report.comparisons import Comparison, Verdict
from henkan.report.front import pareto
from henkan.report.study import Study
from henkan.report.words import metric, number

STYLES: dict[Verdict, str] = {
    "better": "green",
    "worse": "red",
    "closer": "green",
    "farther": "red",
    "higher": "bold",
    "lower": "bold",
    "unclear": "dim",
    "equal": "dim",
}


def terminal_table(study: Study, rows: list[Comparison], width: int, color: bool, title: str = "") -> str:
    """Return the headline metrics as a table for the terminal, and the sentence under it."""
    digits = digits_of(rows)
    if not study.metrics:
        return str(answer(study, rows))
    headline = study.headline or study.metrics[:3]
    where = f" on {title}" if title else ""
    grid = Table(title=f"{study.name}: test scores{where}, {pictures_of(study)}", title_justify="left", show_lines=True)
    grid.add_column("configuration", overflow="fold")
    for key in headline:
        goal = f" → {study.targets[key]:g}" if key in study.targets else ""
        arrow = {"higher": " ↑", "lower": " ↓", None: goal}[study.directions.get(key)]
        grid.add_column(Text(f"{metric(key).label}{arrow}"), justify="right")
    by_place = {(row.configuration, row.metric): row for row in rows}
    for configuration in study.configurations:
        cells = []
        for key in headline:
            row = by_place[configuration, key]
            cell = Text("–" if row.value is None else number(row.value.mean, digits[key]), style="bold")
            if span := interval_words(row.value, digits[key]):
                cell.append(f"\n{span}", style="not bold dim")
            if row.difference is not None and row.verdict is not None:
                change = number(row.difference.mean, digits[key], signed=True)
                cell.append(f"\n{SYMBOLS[row.verdict]} {change}", style=f"not bold {STYLES[row.verdict]}")
                if span := interval_words(row.difference, digits[key], signed=True):
                    cell.append(f"\n{span}", style="not bold dim")
            cells.append(cell)
        grid.add_row(Text(configuration), *cells)
    console = Console(file=StringIO(), width=width, force_terminal=color, color_system="standard" if color else None)
    with console.capture() as captured:
        console.print(grid)
        console.print(Text(str(answer(study, rows))))
        for line in filter(None, [*identical(study), pareto(study), power(study, rows)]):
            console.print(Text(line))
    return captured.get().rstrip()
