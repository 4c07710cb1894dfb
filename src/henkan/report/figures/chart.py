"""What charts have in common: each is one SVG, readable alone, and recolored by the page's theme when inlined.

Figures are built on `matplotlib.figure.Figure`, so no state is shared with a caller's pyplot.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from henkan.report import svg
from henkan.report.figures.palette import GRID, INK, MUTED, THEME, colors, markers, seed_words
from henkan.report.study import Study
from henkan.report.ticks import width_of

# Points.
LEGEND = 7
TITLE = 8.5
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "henkan",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8,
    # The page tells the points that were drawn.
    "path.simplify": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.solid_capstyle": "round",
}


@dataclass(frozen=True)
class Chart:
    """A drawn figure: `svg` stands alone, with its legend; `inline` goes into the page, without."""

    name: str
    title: str
    group: str
    svg: str
    inline: str


@contextmanager
def drawing() -> Iterator[None]:
    """Draw in the report's style, and leave no trace of it afterwards."""
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        # In SVG the reader's browser draws the letters, and it has those that matplotlib's font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def titled(figure: Figure, axes: Axes, text: str) -> None:
    """Write a chart's title above its axes, from the left edge on, as small as it must be to fit."""
    across = 72 * figure.get_size_inches()[0]
    # Letters drawn for a screen are a little wider than they are measured.
    room, size = 0.94 * across - 8, TITLE
    while size > 5.5 and width_of(text, size, "bold") > room:
        size -= 0.5
    while width_of(text, size, "bold") > room:
        text = f"{text.rstrip('…')[:-1]}…"
    box = axes.get_position()
    wide = width_of(text, size, "bold") > 0.94 * (1 - box.x0) * across - 4
    place = (6 / across - box.x0) / box.width if wide else 0.0
    axes.set_title(verbatim(text), x=place, loc="left", fontsize=size, weight="bold")


def verbatim(text: str) -> str:
    """Return a text that matplotlib draws as it is, without reading formulas into it."""
    return text.replace("$", r"\$")


def handles_of(study: Study, seeds: bool) -> list[Line2D]:
    handles = [Line2D([], [], color=color, lw=3, label=name) for name, (color, _) in colors(study).items()]
    if seeds:
        shapes = markers(study).items()
        handles += [
            Line2D([], [], ls="", marker=shape, color=MUTED, ms=5, label=seed_words(seed)) for seed, shape in shapes
        ]
        handles.append(
            Line2D([], [], ls="", marker="o", mfc="none", mec=MUTED, mew=1.5, ms=9, label="mean of the seeds")
        )
    return handles


def wide(text: str) -> float:
    """Return how wide a text is in a legend, in points."""
    return width_of(text, LEGEND)


def broken(text: str, room: float, measure: Callable[[str], float] = wide) -> str:
    """Return a text with as many breaks as let each line fit into `room`: between words, and within those too wide."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if measure(longer) <= room:
            lines[-1] = longer
            continue
        lines += [""] if lines[-1] else []
        for letter in word:
            if lines[-1] and measure(lines[-1] + letter) > room:
                lines.append("")
            lines[-1] += letter
    return "\n".join(lines)


def columns_of(labels: list[str], width: float) -> tuple[list[str], int, int]:
    """Return a legend's labels with their breaks, in how many columns it is lowest, and how many lines that takes.

    `width` is in points. No word is broken but in a single column.
    """
    # The handle and its gap before each label, the gap between columns, the margins on both sides; letters drawn for a
    # screen are a little wider than they are measured.
    handle, gap, margins = 2.8 * LEGEND, 2 * LEGEND, 1.8 * LEGEND
    longest = max(wide(word) for label in labels for word in label.split(" "))
    found = []
    for columns in (1, 2, 3):
        room = 0.95 * ((width - margins - (columns - 1) * gap) / columns - handle)
        if columns > 1 and longest > room:
            break
        told = [broken(label, room) for label in labels]
        long = -(-len(told) // columns)
        lines = [sum(1 + label.count("\n") for label in told[at : at + long]) for at in range(0, len(told), long)]
        found.append((max(lines), columns, told))
    rows, columns, told = min(found, key=lambda one: one[:2])
    return told, columns, rows


def figure_of(
    width: float,
    height: float,
    study: Study,
    seeds: bool,
    legend: bool = True,
    below: float = 0.26,
    extra: Sequence[Line2D] = (),
) -> tuple[Figure, Axes, float]:
    """Return a figure, its axes, and which part of its height stands above the legend; `below` is for the axis of x.

    Sizes and margins are in inches, and fixed, so that small charts line up. The legend is as low as it can be.
    """
    handles = [*handles_of(study, seeds), *extra]
    labels, columns, rows = columns_of([str(entry.get_label()) for entry in handles], 72 * width)
    for entry, label in zip(handles, labels, strict=True):
        entry.set_label(verbatim(label))
    strip = 0.15 * rows + 0.15 if legend else 0.1
    total = height + strip
    figure = Figure(figsize=(width, total))
    figure.patch.set_alpha(0)
    left, right, top, bottom = 0.62, 0.1, *((0.1, 0.58) if seeds else (0.26, below))
    left += 0.2 if seeds else 0
    axes = figure.add_axes(
        (left / width, (strip + bottom) / total, 1 - (left + right) / width, (height - top - bottom) / total)
    )
    axes.patch.set_alpha(0)
    if legend:
        drawn = figure.legend(handles=handles, loc="lower left", ncols=columns, frameon=False, fontsize=LEGEND)
        drawn.set_gid(svg.LEGEND)
    return figure, axes, height / total


def prefixed(chart: Chart, prefix: str) -> Chart:
    """Return a chart whose name and ids begin with `prefix`, for a page that has several of its name."""
    inline = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}-", chart.inline)
    return replace(chart, name=f"{prefix}_{chart.name}", inline=inline)


def written(figure: Figure, study: Study, name: str, kept: float) -> tuple[str, str]:
    """Return a figure as `Chart` has it: by itself, and for the page."""
    used = {color for color, _ in colors(study).values()} | {INK, MUTED, GRID}
    return svg.written(figure, name, kept, {color: variable for color, variable in THEME.items() if color in used})
