"""What an evaluation leaves: scores a picture, by area, of the set, and pictures."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from torch import Tensor

from henkan.files import read_json, replaced, write_file, write_json
from henkan.scoring.evaluator import Scores


def as_table(scores: Scores, pictures: Path) -> tuple[list[str], list[list[Any]]]:
    """Return columns and rows of an evaluation: the file, its pictures where they were kept, and its scores."""
    return table_of(scores.files, scores.images, pictures)


def read_table(folder: Path) -> tuple[str, list[str], list[list[Any]]] | None:
    """Return the split that was scored, and `as_table` of what was written into `folder`; None where nothing was."""
    if not (folder / "evaluation.json").is_file() or not (folder / "scores.csv").is_file():
        return None
    split = read_json(folder / "evaluation.json", "henkan evaluate run=… writes it again", dict)["split"]
    found = pd.read_csv(folder / "scores.csv", dtype={"file": str}, keep_default_na=False, na_values=["nan"])
    scores = {str(name): found[name].tolist() for name in found.columns if name != "file"}
    return split, *table_of(found["file"].tolist(), scores, folder / "pictures")


def table_of(
    files: Sequence[str], scores: Mapping[str, Sequence[float]], pictures: Path
) -> tuple[list[str], list[list[Any]]]:
    kept = read_json(pictures / "index.json", "henkan evaluate run=… writes it again", list)
    panels = sorted({path.stem.partition("_")[2] for path in pictures.glob("*_*.png")})
    rows = []
    for row, file in enumerate(files):
        number = kept.index(file) if file in kept else None
        shown = [None if number is None else pictures / f"{number:02d}_{panel}.png" for panel in panels]
        rows.append([file, *shown, *(column[row] for column in scores.values())])
    return ["file", *panels, *scores], rows


def write_scores(scores: Scores, folder: Path, edges: Sequence[float] | None) -> None:
    """Write what an evaluation found: scores a picture, by area, of the set, and what could not be scored."""
    with replaced(folder / "scores.csv") as partial, partial.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", *scores.images])
        writer.writerows(zip(scores.files, *scores.images.values(), strict=True))
    if scores.facts:
        with replaced(folder / "samples.csv") as partial:
            pd.DataFrame({"file": scores.files, **scores.facts}).to_csv(partial, index=False)
    # Scored again without areas, a folder must not show those of before.
    (folder / "areas.csv").unlink(missing_ok=True)
    if edges is not None and "area" in scores.facts:
        table = pd.DataFrame({"area": scores.facts["area"], **scores.images})
        with replaced(folder / "areas.csv") as partial:
            by_area(table, edges).to_csv(partial, index=False)
    write_json(folder / "set_scores.json", scores.sets)
    write_json(folder / "absent_scores.json", scores.absent)


def by_area(scores: pd.DataFrame, edges: Sequence[float]) -> pd.DataFrame:
    """Return the means of `scores` by their column `area`: rows `area` ("10-20 %"), `pictures`, and the metrics.

    A bin holds its upper edge; bins without a picture are left out.
    """
    bins = pd.cut(scores["area"], list(edges), include_lowest=True)
    grouped = scores.drop(columns="area").groupby(bins, observed=True)
    means = grouped.mean().rename_axis(None)
    names = [f"{100 * max(0.0, bin.left):.0f}-{100 * bin.right:.0f} %" for bin in means.index]
    means.insert(0, "pictures", grouped.size())
    means.insert(0, "area", names)
    return means


def save_picture(image: Tensor, path: Path) -> None:
    """Write a (3, H, W) picture in [0, 1] as PNG; a link of that name is replaced, and not written through."""
    pixels = image.detach().clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).cpu().numpy()
    _, encoded = cv2.imencode(".png", np.ascontiguousarray(pixels[..., ::-1]))
    write_file(path, encoded.tobytes())


def called(folder: Path) -> str:
    """Return whose scores lie in a folder: the run's name, and what tells an evaluation beside its own."""
    beside = folder.parent.name == "evaluations"
    return f"{folder.parents[1].name} ({folder.name})" if beside else folder.name


def print_scores(folder: Path) -> None:
    """Print what an evaluation has found, on stderr."""
    found = read_json(folder / "evaluation.json", "henkan evaluate run=… writes it again", dict)
    at = f" at iteration {found['iteration']}" if "iteration" in found else ""
    table = Table("score", "mean")
    for name, value in found["means"].items():
        table.add_row(name, f"{value:.4f}")
    for name, reason in found["absent"].items():
        table.add_row(name, f"absent: {reason}")
    # A reason may name an extra: henkan[metrics].
    console = Console(stderr=True, markup=False)
    count = f"{found['pictures']:,} picture{'s' * (found['pictures'] != 1)}"
    console.print(f"{called(folder)}: {count} of {found['split']}{at}", highlight=False, markup=False, soft_wrap=True)
    console.print(table)
    areas = pd.read_csv(folder / "areas.csv") if (folder / "areas.csv").is_file() else pd.DataFrame()
    if len(areas) > 1:
        parts = Table("missing", *map(str, areas["area"]), title="by the share of the picture that is missing")
        parts.add_row("pictures", *map(str, areas["pictures"]))
        for name in areas.columns[2:]:
            parts.add_row(name, *(f"{value:.4f}" for value in areas[name]))
        console.print(parts)
