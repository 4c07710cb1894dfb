"""Writes what a study has found so far: one HTML page, tables and figures."""

from __future__ import annotations

import dataclasses
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from henkan.files import replaced, write_file
from henkan.saying import say

if TYPE_CHECKING:
    from henkan.report.page import Part
    from henkan.report.pictures import Gallery

SINGLE = "report-single-file.html"


def write_report(study_folder: Path, single: bool = False, scores: bool = True) -> Path:
    """Write report.html, scores.csv, summary.csv and figures/ into a study's folder; return the page's path.

    Of a study with two axes or more effects.csv too. Of a `single` file,
    report-single-file.html is written as well, with every picture in it, and returned. Without `scores` scores.csv
    stays as it is: of a thousand runs it has hundreds of megabytes.

    Every file is replaced in one step, so a browser may reload at any time while the study runs.
    Raises UserError where the folder holds no study, or where its pictures are too heavy for a single file.
    """
    from henkan.report import comparisons, effects, page, read
    from henkan.report.beside import Beside
    from henkan.report.figures import along, chart, curves, plane
    from henkan.report.pictures import galleries
    from henkan.report.scores import summary_table, write_scores

    study = read.read_study(study_folder)
    rows = comparisons.compare(study)
    parts, prefixes = [], section_names(study.sections)
    for title, part in study.sections.items():
        in_plane, lines = plane.plane(part), [*along.over(part), *along.along(part), *curves.curves(part)]
        if title:
            in_plane = in_plane and (chart.prefixed(in_plane[0], prefixes[title]), in_plane[1])
            lines = [chart.prefixed(one, prefixes[title]) for one in lines]
        if in_plane is not None:
            drawn, raster = in_plane
            write_file(study_folder / "figures" / f"{drawn.name}.svg", drawn.svg)
            write_file(study_folder / "figures" / f"{drawn.name}.png", raster)
        for one in lines:
            write_file(study_folder / "figures" / f"{one.name}.svg", one.svg)
        own = rows if part is study else comparisons.compare(part)
        parts.append(page.Part(title, part, own, in_plane and in_plane[0], lines))
    write_file(study_folder / "summary.csv", summary_table(rows).to_csv(index=False))
    if scores:
        with replaced(study_folder / "scores.csv") as partial, partial.open("w", encoding="utf-8", newline="") as file:
            write_scores(study, file)
    if len(table := effects.effects_table(study)):
        write_file(study_folder / "effects.csv", table.to_csv(index=False))
    beside = Beside(study_folder)
    studies, small = [part.study for part in parts], page.linked(parts)
    # What is left for pictures.
    room = page.PAGE_BYTES - len(page.render(study, rows, small, beside).encode())
    made = galleries(studies, beside, max(0, room), single=False)
    path = write_file(study_folder / "report.html", page.render(study, rows, filled(small, made), beside))
    beside.tidy()
    if single:
        full = filled(parts, galleries(studies, beside, 0, single=True))
        path = write_file(study_folder / SINGLE, page.render(study, rows, full, beside, single=True))
    for place, names in study.altered.items():
        say(f"{place}: edited or damaged since, and not counted: {', '.join(names)}")
    return path


def filled(parts: list[Part], made: list[list[Gallery]]) -> list[Part]:
    """Return the parts with their pictures."""
    return [dataclasses.replace(part, galleries=found) for part, found in zip(parts, made, strict=True)]


def table(study_folder: Path) -> str:
    """Return the headline scores as a table for the terminal, with the answer in one sentence under it."""
    from henkan.report import comparisons, effects, read, terminal

    study = read.read_study(study_folder)
    width = shutil.get_terminal_size((110, 24)).columns
    color = sys.stdout.isatty()
    parts = [
        terminal.terminal_table(part, comparisons.compare(part), width, color, title)
        for title, part in study.sections.items()
    ]
    return "\n\n".join([*parts, *filter(None, ["\n".join(effects.effect_lines(study))])])


def section_names(titles: Iterable[str]) -> dict[str, str]:
    """Return what the files of each section begin with, no two alike."""
    found: dict[str, str] = {}
    for number, title in enumerate(titles):
        name = section_name(title, number)
        found[title] = f"{name}_{number}" if name in found.values() else name
    return found


def section_name(title: str, number: int) -> str:
    """Return a title as the beginning of a file's name."""
    return re.sub(r"[^A-Za-z0-9]+", "_", title).strip("_").lower() or f"part_{number}"
