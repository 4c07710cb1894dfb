"""The numbers of a report for papers and pages: Markdown and LaTeX, a table for each part of a study."""

from __future__ import annotations

from henkan.report.answer import SYMBOLS, digits_of
from henkan.report.comparisons import Comparison, compare
from henkan.report.effects import effect_lines
from henkan.report.study import Study
from henkan.report.words import metric, number, plural

ARROWS = {"higher": "↑", "lower": "↓"}
LATEX_ARROWS = {"higher": r" $\uparrow$", "lower": r" $\downarrow$"}
# What LaTeX reads as something else.
SPECIAL = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def markdown(study: Study) -> str:
    """Return tables in Markdown: means, their intervals, and paired differences against the baseline."""
    parts = []
    for title, part in study.sections.items():
        rows = compare(part)
        digits, cells = digits_of(rows), {(row.configuration, row.metric): row for row in rows}
        keys = shown(part)
        heads = [
            "configuration",
            *(f"{metric(key).label} {ARROWS.get(part.directions.get(key, ''), '')}" for key in keys),
        ]
        lines = [
            [escaped(name), *(cell(cells[name, key], digits[key]) for key in keys)] for name in part.configurations
        ]
        table = [heads, ["---", *["---:"] * len(keys)], *lines]
        text = "\n".join(f"| {' | '.join(map(str.strip, line))} |" for line in table)
        parts.append(f"**{title}**\n\n{text}" if title else text)
    if effects := effect_lines(study):
        parts.append("\n".join(["What each choice does by itself:", "", *(f"- {escaped(line)}" for line in effects)]))
    return "\n\n".join(parts)


def shown(study: Study) -> list[str]:
    """Return the metrics of a table: the headline ones, or where there are none, all."""
    return study.headline or study.metrics


def cell(row: Comparison, digits: int) -> str:
    """Return `11.06 (10.93 to 11.18) ▼ −0.93`, as much of it as there is."""
    if row.value is None:
        return "–"
    text = number(row.value.mean, digits)
    if row.value.low is not None:
        text += f" ({number(row.value.low, digits)} to {number(row.value.high, digits)})"
    if row.difference is not None and row.verdict is not None:
        text += f" {SYMBOLS[row.verdict]} {number(row.difference.mean, digits, signed=True)}"
    return text


def escaped(text: str) -> str:
    """Return a cell of Markdown, in which a bar would begin the next one."""
    return text.replace("|", r"\|").replace("*", r"\*").replace("_", r"\_")


def latex(study: Study) -> str:
    """Return tables in LaTeX with booktabs: means with their intervals, the best bold, a dagger where the paired
    difference against the baseline is one after correction.
    """
    parts = []
    for title, part in study.sections.items():
        rows = compare(part)
        digits, cells = digits_of(rows), {(row.configuration, row.metric): row for row in rows}
        keys = shown(part)
        best = {key: best_of([row for row in rows if row.metric == key], part.directions.get(key)) for key in keys}
        heads = [f"{in_latex(metric(key).label)}{LATEX_ARROWS.get(part.directions.get(key, ''), '')}" for key in keys]
        lines = [
            [in_latex(name), *(latex_cell(cells[name, key], digits[key], name in best[key]) for key in keys)]
            for name in part.configurations
        ]
        over = sorted({row.value.over for row in rows if row.value is not None and row.metric in keys})
        where = f", {title}" if title else ""
        parts.append(
            "\n".join(
                [
                    f"% {study.name}{where}, {plural(len(study.seeds), 'seed')}",
                    f"% mean [95 % interval over {' or '.join(over)}]",
                    "% bold: the best; dagger: differs from the baseline after Holm's correction",
                    rf"\begin{{tabular}}{{l{'r' * len(keys)}}}",
                    r"\toprule",
                    rf"{' & '.join(['', *heads])} \\",
                    r"\midrule",
                    *(rf"{' & '.join(line)} \\" for line in lines),
                    r"\bottomrule",
                    r"\end{tabular}",
                ]
            )
        )
    return "\n\n".join(parts)


def best_of(rows: list[Comparison], direction: str | None) -> set[str]:
    """Return the configurations whose mean is the best of all; none where neither way is better."""
    means = {row.configuration: row.value.mean for row in rows if row.value is not None}
    if direction is None or len(means) < 2:
        return set()
    goal = max(means.values()) if direction == "higher" else min(means.values())
    return {name for name, mean in means.items() if mean == goal}


def latex_cell(row: Comparison, digits: int, best: bool) -> str:
    if row.value is None:
        return "--"
    mean = number(row.value.mean, digits).replace("\N{MINUS SIGN}", "-")
    text = rf"$\mathbf{{{mean}}}" if best else f"${mean}"
    if row.corrected is not None and row.verdict not in (None, "unclear", "equal"):
        text += r"^\dagger"
    text += "$"
    if row.value.low is not None:
        low, high = (number(end, digits).replace("\N{MINUS SIGN}", "-") for end in (row.value.low, row.value.high))
        text += rf" {{\scriptsize $[{low}, {high}]$}}"
    return text


def in_latex(text: str) -> str:
    # At the beginning of a row these would belong to the line break before it.
    guard = "{}" if text.startswith(("[", "*")) else ""
    return guard + "".join(SPECIAL.get(sign, sign) for sign in text)
