"""What a search has found, of its `trials.csv` alone: the best trials, the Pareto front, scores over each parameter."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from io import BytesIO, StringIO
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from henkan.config.searches import COLUMNS, TRIALS
from henkan.errors import UserError
from henkan.files import write_file
from henkan.report.figures.chart import drawing, verbatim
from henkan.report.figures.palette import MUTED
from henkan.report.published import better
from henkan.report.ticks import round_numbers
from henkan.report.trials import AGAIN, read_trials
from henkan.report.words import listed, metric, plural

DONE = "done"
VALIDATED = "val/"
# How far apart two names of trials are, as shares of a chart.
APART = (0.08, 0.06)
# How many trials a table shows.
SHOWN = 20
COLORS = {"one": "#0072b2", "best": "#d55e00"}


@dataclass(frozen=True)
class Searched:
    """The trials of a search: a row a trial, in their order."""

    folder: Path
    table: pd.DataFrame
    goals: Mapping[str, str | float] = field(default_factory=dict)
    """What is better of each objective, or what it is to come near to, where the search has written it."""

    @property
    def objectives(self) -> list[str]:
        return [str(name) for name in self.table if str(name).startswith(VALIDATED)]

    @property
    def parameters(self) -> list[str]:
        """What was searched, as far as a trial has had more than one value of it."""
        others = [str(name) for name in self.table if name not in COLUMNS and name not in self.objectives]
        return [name for name in others if self.scored[name].nunique(dropna=False) > 1]

    @cached_property
    def scored(self) -> pd.DataFrame:
        """The trials that came to their end, the best first; of several objectives the front, and then the others."""
        done = self.table[self.table["status"] == DONE].dropna(subset=self.objectives)
        done = done.loc[self.costs(self.objectives[0], done).sort_values(kind="stable").index]
        return done.sort_values("front", ascending=False, kind="stable") if "front" in done else done

    @property
    def best(self) -> pd.DataFrame:
        """The best trial, or those of the Pareto front."""
        return self.scored[self.scored["front"] == 1] if "front" in self.scored else self.scored.head(1)

    def goal(self, objective: str) -> str | float:
        """Return `higher` or `lower`, whichever is better, or a number that what is nearer to is better.

        As the search was told, else as the metric's config says.
        """
        told = self.goals.get(objective)
        if isinstance(told, float):
            return told
        told = told or better(objective.removeprefix(VALIDATED))
        return told if told in ("higher", "lower") else "higher"

    def better(self, objective: str) -> str:
        """Say what is better of an objective."""
        goal = self.goal(objective)
        return f"nearer to {goal:g} is better" if isinstance(goal, float) else f"{goal} is better"

    def costs(self, objective: str, trials: pd.DataFrame) -> pd.Series[float]:
        """Return what is least for the best trials by an objective."""
        goal, scores = self.goal(objective), trials[objective]
        if isinstance(goal, float):
            return (scores - goal).abs()
        return scores if goal == "lower" else -scores

    @property
    def sentence(self) -> str:
        counts = self.table["status"].value_counts()
        trials = (
            f"{plural(len(self.table), 'trial')}: {', '.join(f'{count} {status}' for status, count in counts.items())}."
        )
        if self.table.empty:
            return "No trial has begun yet."
        if self.best.empty:
            return f"{trials} None has a score yet."
        goals = listed(f"{label(name)} ({self.better(name)})" for name in self.objectives)
        if len(self.objectives) > 1:
            names = listed(str(number) for number in self.best["trial"])
            return (
                f"{trials} On the Pareto front of {goals}, in validation: {plural(len(self.best), 'trial')}, {names}."
            )
        (best,) = self.best.to_dict("records")
        return f"{trials} Best by {goals}, in validation: trial {best['trial']} with {best[self.objectives[0]]:.4g}."


def read_search(folder: Path) -> Searched:
    """Read the trials of a search. Raises `UserError` for a table that is none."""
    text, goals = read_trials(folder)
    try:
        found = Searched(folder, pd.read_csv(StringIO(text), keep_default_na=False, na_values=["", "nan"]), goals)
    except ValueError as error:
        raise UserError(f"{folder / TRIALS} cannot be read ({error}): {AGAIN}") from error
    if not found.objectives or "status" not in found.table or "trial" not in found.table:
        raise UserError(f"{folder / TRIALS} holds no trials of a search: {AGAIN}")
    return found


def write_search(folder: Path) -> Path:
    """Write report.html and search.png into a search's folder, and return the page's path."""
    found = read_search(folder)
    picture = b""
    if len(found.scored):
        raster = BytesIO()
        with drawing():
            draw(found).savefig(raster, format="png", dpi=160, facecolor="white")
        picture = raster.getvalue()
        write_file(folder / "search.png", picture)
    return write_file(folder / "report.html", page(found, picture))


def draw(found: Searched) -> Figure:
    """Draw the front of the first two objectives, or the scores as trials went, and then a chart a parameter."""
    charts = [(None, found.objectives[0]), *((name, goal) for goal in found.objectives for name in found.parameters)]
    columns = min(4, len(charts))
    rows = -(-len(charts) // columns)
    figure = Figure(figsize=(3.0 * columns, 2.5 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (parameter, goal) in zip(grid, charts, strict=False):
        if parameter is not None:
            slice_of(axes, found, parameter, goal)
        elif len(found.objectives) > 1:
            front(axes, found)
        else:
            history(axes, found)
    for axes in grid[len(charts) :]:
        axes.set_axis_off()
    return figure


def front(axes: Axes, found: Searched) -> None:
    x, y = found.objectives[:2]
    axes.plot(found.scored[x], found.scored[y], "o", color=COLORS["one"], ms=4, alpha=0.6, mew=0)
    best = found.best.sort_values(x)
    axes.plot(best[x], best[y], "o-", color=COLORS["best"], ms=4.5, lw=0.9)
    named: list[tuple[float, float]] = []
    (left, end), (low, high) = axes.get_xlim(), axes.get_ylim()
    for number, right, up in best[["trial", x, y]].itertuples(index=False):
        # Of trials that lie together the first is named.
        place = (right - left) / (end - left), (up - low) / (high - low)
        if any(abs(place[0] - other[0]) < APART[0] and abs(place[1] - other[1]) < APART[1] for other in named):
            continue
        named.append(place)
        axes.annotate(str(number), (right, up), xytext=(3, 3), textcoords="offset points", fontsize=7, color=MUTED)
    axes.set_xlabel(verbatim(f"{label(x)}, {found.better(x)}"))
    axes.set_ylabel(verbatim(f"{label(y)}, {found.better(y)}"))
    axes.set_title("Pareto front", loc="left", fontsize=8.5, weight="bold")


def history(axes: Axes, found: Searched) -> None:
    (goal,) = found.objectives
    done = found.scored.sort_values("trial")
    costs = found.costs(goal, done)
    # The best so far is where a cost is the least so far.
    so_far = done[goal].where(costs == costs.cummin()).ffill()
    axes.plot(done["trial"], done[goal], "o", color=COLORS["one"], ms=4, alpha=0.6, mew=0)
    axes.step(done["trial"], so_far, where="post", color=COLORS["best"], lw=1)
    axes.set_xlabel("trial")
    axes.set_ylabel(verbatim(f"{label(goal)}, {found.better(goal)}"))
    axes.set_title("Trials, and the best so far", loc="left", fontsize=8.5, weight="bold")


def slice_of(axes: Axes, found: Searched, parameter: str, goal: str) -> None:
    """Draw the scores over one parameter, whatever the others were; the best ones stand out."""
    for part, color in ((found.scored, COLORS["one"]), (found.best, COLORS["best"])):
        own = part.dropna(subset=[parameter])
        values = own[parameter]
        axes.plot(
            values if numeric(values) else values.astype(str), own[goal], "o", color=color, ms=4, alpha=0.7, mew=0
        )
    values = found.scored[parameter].dropna()
    if numeric(values) and values.min() > 0 and values.max() >= 20 * values.min():
        axes.set_xscale("log")
        round_numbers(axes.xaxis, *axes.get_xlim())
    if not numeric(values):
        axes.set_xlim(-0.5, values.nunique() - 0.5)
    axes.set_title(verbatim(parameter), loc="left", fontsize=8.5, weight="bold")
    axes.set_ylabel(verbatim(label(goal)))


def numeric(values: pd.Series[float]) -> bool:
    return bool(pd.api.types.is_numeric_dtype(values)) and not pd.api.types.is_bool_dtype(values)


def label(objective: str) -> str:
    return metric(objective.removeprefix(VALIDATED)).label


def cells(found: Searched) -> tuple[list[str], list[list[str]]]:
    """Return the headings and rows of the best trials."""
    columns = ["trial", *found.objectives, *found.parameters]
    rows = found.scored.head(max(SHOWN, len(found.best)))[columns].to_numpy(object).tolist()
    return [label(name) if name in found.objectives else name for name in columns], [
        list(map(told, row)) for row in rows
    ]


def told(value: object) -> str:
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        # A whole number beside trials that have none.
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e9 else f"{value:.4g}"
    return str(value)


def markdown(found: Searched) -> str:
    """Return the best trials as a table in Markdown."""
    head, rows = cells(found)
    lines = [head, ["---:"] * len(head), *([one.replace("|", r"\|") for one in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def page(found: Searched, picture: bytes) -> str:
    head, rows = cells(found)
    best = set(map(str, found.best["trial"]))
    body = "\n".join(
        f"<tr{' class=best' if row[0] in best else ''}>{''.join(f'<td>{escape(one)}</td>' for one in row)}</tr>"
        for row in rows
    )
    failed = found.table[found.table["error"].notna()] if "error" in found.table else found.table.head(0)
    reasons = "\n".join(f"<li>trial {one.trial}: {escape(str(one.error))}</li>" for one in failed.itertuples())
    data = b64encode(picture).decode()
    figure = f'<img alt="Scores of the trials" src="data:image/png;base64,{data}">' if picture else ""
    return PAGE.format(
        title=escape(found.folder.name),
        sentence=escape(found.sentence),
        head="".join(f"<th>{escape(one)}</th>" for one in head),
        body=body,
        figure=figure,
        failed=f"<h2>Failed</h2>\n<ul>\n{reasons}\n</ul>" if reasons else "",
    )


PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
body {{ margin: 0 auto; max-width: 1120px; padding: 20px 16px 64px; font: 16px/1.5 system-ui, sans-serif; }}
img {{ max-width: 100%; border-radius: 8px; }}
div {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ padding: .3rem .8rem; text-align: right; border-bottom: 1px solid #8884; white-space: nowrap; }}
.best {{ font-weight: 600; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{sentence}</p>
<p>All scores are of validation; the test split was never looked at.</p>
{figure}
<h2>The best trials</h2>
<div tabindex="0"><table>
<thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody>
</table></div>
{failed}
</body>
</html>
"""
