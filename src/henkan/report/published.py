"""A study from what a repository keeps of it: its `study.yaml` and the scores that `henkan report --publish` wrote."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import OmegaConf

from henkan.config.searches import ASKED, TRIALS, better_of, read_search
from henkan.config.studies import Study, read_study
from henkan.config.trees import config_folders
from henkan.errors import UserError
from henkan.files import write_file, write_sealed
from henkan.report.plan import PlannedRun
from henkan.report.study import WHOLE_SET
from henkan.scoring.evaluator import POST

SCORES, SUMMARY = "scores.csv.gz", "summary.csv"
# The trials of the search that a study is of, where there was one.
SEARCH = "search.csv"
# What identifies a row of summary.csv, and what of it three digits of each score would blur.
ROW = ["configuration", "metric"]
NUMBERS = ["mean", "low", "high", "difference", "difference_low", "difference_high"]
EXACT = [*NUMBERS, "p", "p_corrected"]


def results_of(place: str) -> Path | None:
    """Return the folder of published scores that a path means, itself or below a study's; None where there is none."""
    found = (folder for folder in (Path(place), Path(place) / "results") if (folder / SCORES).is_file())
    return next(found, None)


def rebuild(results: Path, into: Path | None = None) -> Path:
    """Write the study of published scores anew, as if its runs were there, and return its folder.

    It holds scores and nothing else: no curves, no pictures of its own, no cost. The trials of a search lie in a folder
    in it. `into`: beside where the study itself would write, by default. Raises `UserError` where there are no scores,
    or no study.yaml beside them.
    """
    study = read_study(str(results.parent / "study.yaml"), [])
    into = into or study.folder.with_name(f"{study.folder.name}-published")
    table = scores(results / SCORES)
    runs: list[PlannedRun] = []
    places: dict[bytes, Path] = {}
    for (configuration, _), own in table.groupby(["configuration", "seed"], sort=False, dropna=False):
        number = int(own["seed"].iloc[0]) if own["seed"].notna().all() else None
        of_set = own["file"] == WHOLE_SET
        pictures = own[~of_set].pivot(index="file", columns="metric", values="value")
        sets = own[of_set].set_index("metric")["value"]
        # What is the same in every picture is the same run: a variant that an axis does not change.
        content = pictures.to_csv().encode() + sets.to_csv().encode() + str(number).encode()
        place = places.setdefault(content, into / "runs" / str(len(places)))
        if place == into / "runs" / str(len(places) - 1):
            write_file(place / "scores.csv", pictures.to_csv())
            write_sealed(place / "set_scores.json", {str(name): float(value) for name, value in sets.items()})
            write_sealed(place / "run.json", {"status": "done", "seed": number})
        folder = str(place.relative_to(into))
        runs.append({"configuration": str(configuration), "seed": number, "folder": folder, "status": "done"})
    write_sealed(into / "study.json", planned(study, runs, list(dict.fromkeys(table["metric"]))))
    if (results / SEARCH).is_file():
        place = into / f"search_{study.name}"
        write_file(place / TRIALS, (results / SEARCH).read_bytes())
        write_sealed(place / ASKED, asked(results.parent / "search.yaml"))
    return into


def asked(file: Path) -> dict[str, str | float]:
    """Return what is better of the objectives of a search, as far as its file says it."""
    goals = read_search(str(file), []).objectives if file.is_file() else {}
    return {name: better_of(goal) for name, goal in goals.items() if goal is not None}


def searches(folder: Path) -> list[Path]:
    """Return the folders of the searches that were rebuilt with a study: each is reported by itself."""
    return sorted(path.parent for path in folder.glob(f"search_*/{TRIALS}"))


def scores(path: Path) -> pd.DataFrame:
    """Return published scores: configuration, seed, file, metric, value."""
    try:
        # Not by dtype: a configuration may be called None.
        table = pd.read_csv(path, converters=dict.fromkeys(("configuration", "file", "metric"), str))
    except (ValueError, EOFError, OSError) as error:
        raise UserError(f"{path} cannot be read ({error}): check it out again") from error
    if lacking := {"configuration", "seed", "file", "metric", "value"} - set(table):
        raise UserError(f"{path} holds no scores: it lacks {', '.join(sorted(lacking))}")
    return table


def planned(study: Study, runs: Sequence[PlannedRun], metrics: list[str]) -> dict[str, Any]:
    """Return the content of `study.json`: what study.yaml asks, as far as it was published."""
    scored = list(dict.fromkeys(run["configuration"] for run in runs))
    facts = study.facts
    asked = {name: node for name, node in facts["configurations"].items() if name in scored}
    if foreign := [name for name in scored if name not in asked]:
        raise UserError(f"{study.file} has no {', '.join(foreign)}, which the published scores are of: mend either")
    return {
        **facts,
        "published": True,
        "seeds": sorted({run["seed"] for run in runs} - {None}),
        "configurations": asked,
        "metrics": {name: better(name) for name in metrics},
        "runs": runs,
        "saved_iterations": 0,
    }


def better(metric: str) -> str | float | None:
    """Return which way a metric is better, or its target, as its config says; None for neither, or without a config."""
    name = metric.removesuffix(POST)
    for folder in config_folders():
        path = folder / "metric" / f"{name}.yaml"
        if path.is_file():
            found = OmegaConf.select(OmegaConf.load(path), f"{name}.better")
            return found if found is None or isinstance(found, int | float) else str(found)
    return None


def finer(before: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Return the summary of published scores, with the numbers that an earlier one has to their last digit.

    Rows of metrics whose scores were not published stay as they are.
    """
    if not before.is_file():
        return table
    # pandas' own parser is an ulp off here and there; Python's is exact.
    try:
        old = pd.read_csv(before, dtype=dict.fromkeys(EXACT, str), converters=dict.fromkeys(ROW, str))
        old = old.astype({name: float for name in EXACT if name in old})
    except (ValueError, OSError) as error:
        raise UserError(f"{before} cannot be read ({error}): check it out again") from error
    if lacking := set(ROW) - set(old):
        raise UserError(f"{before} is no summary: it lacks {', '.join(sorted(lacking))}")
    new = table.set_index(ROW)
    known = old.set_index(ROW)
    both = new.index.intersection(known.index)
    numbers = [name for name in NUMBERS if name in known]
    new.loc[both, numbers] = known.loc[both, numbers]
    if "difference_low" in known:
        told = new.loc[both, "difference_low"].notna()
        new.loc[both, "excludes_zero"] = new.loc[both, "excludes_zero"].where(~told, known.loc[both, "excludes_zero"])
    rest = known.loc[known.index.difference(new.index, sort=False)]
    whole = pd.concat([new, rest.reindex(columns=new.columns)])
    order = [*known.index, *new.index.difference(known.index, sort=False)]
    return whole.loc[order].reset_index()
