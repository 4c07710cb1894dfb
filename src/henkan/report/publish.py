"""Writes what a repository keeps of a study."""

from __future__ import annotations

import gzip
from io import BytesIO, StringIO
from pathlib import Path

from henkan.files import write_file
from henkan.report import contact, published
from henkan.report.comparisons import compare
from henkan.report.figures import palette
from henkan.report.figures.along import lines_along, tables_along, variant_colors
from henkan.report.figures.lines import axis_means, draw, means, over_axis
from henkan.report.figures.plane import plane
from henkan.report.read import read_study
from henkan.report.scores import summary_table, write_scores
from henkan.report.write import section_name, section_names
from henkan.saying import say

PUBLISHED_BYTES = 1_150_000


def publish(study_folder: Path, into: Path) -> list[Path]:
    """Write what a repository keeps of a study into `into`, under 1,150 kB in all, and return the files.

    summary.csv, scores.csv.gz (three significant digits; the headline metrics only where all take more than half
    the room), plane.png, along.png and along.csv (scores along a setting of the degradation, each seed's means),
    along_KEY.png and .csv (the same over an axis of numbers) and pictures.png or .jpg (as many of the test pictures as
    fit); what there is nothing to say about is absent. Of a study that was rebuilt from what was published, the scores
    stay as they are, and so do the numbers of summary.csv, which has all their digits.
    Raises UserError where the folder holds no study.
    """
    study = read_study(study_folder)
    numbers = summary_table(compare(study))
    if rebuilt := bool(study.plan.get("published")):
        numbers = published.finer(into / published.SUMMARY, numbers)
    contents = {published.SUMMARY: numbers.to_csv(index=False).encode()}
    for metrics in (None, study.headline) if study.headline else (None,):
        write_scores(study, written := StringIO(), metrics, digits=3)
        header, *rows = written.getvalue().splitlines(keepends=True)
        # Those of one picture side by side: gzip looks back no further than some hundred rows.
        rows.sort(key=lambda row: row.split(",", 3)[2])
        scores = gzip.compress("".join([header, *rows]).encode(), mtime=0)
        if len(scores) <= PUBLISHED_BYTES // 2 and not rebuilt:
            contents[published.SCORES] = scores
            break
    if published.SCORES not in contents and not rebuilt:
        # Those of before would not be of this summary.
        (into / published.SCORES).unlink(missing_ok=True)
        say(f"{published.SCORES} would take more than {PUBLISHED_BYTES // 2000} kB and is left out: name fewer metrics")
    names = {title: f"_{name}" if title else "" for title, name in section_names(study.sections).items()}
    for title, part in study.sections.items():
        if (drawn := plane(part)) is not None:
            contents[f"plane{names[title]}.png"] = drawn[1]
        colors = {name: color for name, (color, _) in palette.colors(part).items()}
        curves = {"along": (lines_along(part), colors, means(tables_along(part)))}
        if part.axis is not None:
            curves[f"along_{section_name(part.axis.key, 0)}"] = (
                over_axis(part), variant_colors(part), axis_means(part)
            )  # fmt: skip
        for name, (found, colors, numbers) in curves.items():
            if found:
                raster = BytesIO()
                draw(found, colors).savefig(raster, format="png", dpi=120)
                contents[f"{name}{names[title]}.png"] = raster.getvalue()
                contents[f"{name}{names[title]}.csv"] = numbers.to_csv(index=False, float_format="%.5g").encode()
    left = (PUBLISHED_BYTES - sum(map(len, contents.values()))) // len(names)
    for title, part in study.sections.items():
        if (pictures := contact.sheet(part, left)) is not None:
            kind, sheet = pictures
            # Of an earlier publication.
            (into / f"pictures{names[title]}.{'jpg' if kind == 'png' else 'png'}").unlink(missing_ok=True)
            contents[f"pictures{names[title]}.{kind}"] = sheet
    return [write_file(into / name, content) for name, content in contents.items()]
