"""Write what a study has found so far: one HTML page, tables and figures.

henkan report outputs/runs/studies/mse_vs_gan-laptop
henkan report outputs/runs/studies/mse_vs_gan-laptop --publish experiments/mse_vs_gan/results
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from henkan.files import replaced

PUBLISHED_BYTES = 700_000


def write_report(study_folder: Path) -> Path:
    """Write report.html, scores.csv, summary.csv and figures/ into a study's folder; return the page's path.

    Every file is replaced in one step, so a browser may reload at any time while the study runs.
    Raises UserError where the folder holds no study.
    """
    from henkan.report import figures, page, read, summary

    study = read.read_study(study_folder)
    rows = summary.compare(study)
    plane, curves = figures.plane(study), figures.curves(study)
    replace(study_folder / "summary.csv", summary.summary_table(rows).to_csv(index=False).encode())
    replace(study_folder / "scores.csv", summary.scores_table(study).to_csv(index=False).encode())
    if plane is not None:
        chart, raster = plane
        replace(study_folder / "figures" / "plane.svg", chart.svg.encode())
        replace(study_folder / "figures" / "plane.png", raster)
    for chart in curves:
        replace(study_folder / "figures" / f"{chart.name}.svg", chart.svg.encode())
    html = page.render(study, rows, None if plane is None else plane[0], curves)
    return replace(study_folder / "report.html", html.encode())


def table(study_folder: Path) -> str:
    """Return the headline scores as a table for the terminal, with the answer in one sentence under it."""
    from henkan.report import read, summary

    study = read.read_study(study_folder)
    width = shutil.get_terminal_size((110, 24)).columns
    return summary.terminal_table(study, summary.compare(study), width, color=sys.stdout.isatty())


def replace(path: Path, content: bytes) -> Path:
    """Write a file in one step: whoever reads it sees the old content or the new, never a part."""
    with replaced(path) as partial:
        partial.write_bytes(content)
    return path


def publish(study_folder: Path, into: Path) -> list[Path]:
    """Write what a repository keeps of a study into `into`, under 700 kB in all, and return the files.

    summary.csv, scores.csv.gz (five significant digits), plane.png and pictures.png (as many of the test
    pictures as fit); a figure that there is nothing to draw for is absent.
    Raises UserError where the folder holds no study.
    """
    import gzip

    from henkan.report import contact, figures, read, summary

    study = read.read_study(study_folder)
    contents = {"summary.csv": summary.summary_table(summary.compare(study)).to_csv(index=False).encode()}
    scores = summary.scores_table(study).to_csv(index=False, float_format="%.5g").encode()
    contents["scores.csv.gz"] = gzip.compress(scores, mtime=0)
    if (plane := figures.plane(study)) is not None:
        contents["plane.png"] = plane[1]
    left = PUBLISHED_BYTES - sum(map(len, contents.values()))
    if (pictures := contact.sheet(study, left)) is not None:
        contents["pictures.png"] = pictures
    return [replace(into / name, content) for name, content in contents.items()]


def main(arguments: list[str]) -> int:
    """`henkan report FOLDER [--publish DIR]`: write a study's report anew, print its table and the page."""
    import argparse

    parser = argparse.ArgumentParser("henkan report", description="Write the report of a study as it stands.")
    parser.add_argument("folder", type=Path, help="the study's folder, which holds study.json")
    parser.add_argument("--publish", type=Path, metavar="DIR", help="also write tables and figures for a repository")
    given = parser.parse_args(arguments)
    path = write_report(given.folder)
    if given.publish:
        publish(given.folder, given.publish)
    print(table(given.folder))
    print(path)
    return 0
