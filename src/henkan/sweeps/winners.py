"""What a search has found: a table of its trials, and the study that asks whether the winners win."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import yaml
from rich.console import Console
from rich.table import Table

from henkan.config.searches import ASKED, TRIALS, Range, Search, better_of
from henkan.files import digest_of, write_file, write_sealed
from henkan.sweeps.optimizer import Goal, direction
from henkan.sweeps.trials import ERROR, FOLDER, IDENTITY, OVERRIDES, SCORES, State, in_words

STATES = {State.COMPLETE: "done", State.PRUNED: "stopped", State.FAIL: "failed", State.RUNNING: "running"}
# How many trials are printed: the best ones.
PRINTED = 20
# How many seeds the winners are trained with.
SEEDS = 3


@dataclass(frozen=True)
class Found:
    """The trials of a search so far; `base` is the identity of the recipe as it is."""

    search: Search
    goals: Mapping[str, Goal]
    trials: list[optuna.trial.FrozenTrial]
    front: list[optuna.trial.FrozenTrial]
    """The Pareto front: those than which none is better in one objective and no worse in the others."""
    base: str

    @property
    def best(self) -> list[optuna.trial.FrozenTrial]:
        """Trials with scores, each run once, the best first; of several objectives those of the Pareto front alone."""
        name = next(iter(self.goals))
        done = [one for one in self.trials if one.state == State.COMPLETE] if len(self.goals) == 1 else self.front
        sign = -1 if direction(self.goals[name]) == "maximize" else 1
        ordered = sorted(done, key=lambda one: (sign * one.values[0], one.number))
        return list({one.user_attrs[IDENTITY]: one for one in reversed(ordered)}.values())[::-1]

    @property
    def winners(self) -> list[optuna.trial.FrozenTrial]:
        """The best that are not the recipe as it is; of a front as many, spread from one end of it to the other."""
        best = [one for one in self.best if one.user_attrs[IDENTITY] != self.base]
        count = min(self.search.winners, len(best))
        if len(self.goals) == 1:
            return best[:count]
        return [best[index] for index in np.linspace(0, len(best) - 1, count).round().astype(int)]

    def scores(self, one: optuna.trial.FrozenTrial) -> dict[str, float]:
        """Return the scores of a trial that came to its end, as its run logged them."""
        # Of before they were noted, no objective was a number to come near to.
        logged = one.user_attrs.get(SCORES) or dict(zip(self.goals, one.values, strict=True))
        return {name: float(logged[name]) for name in self.goals}

    def row(self, one: optuna.trial.FrozenTrial) -> dict[str, Any]:
        """Return what there is to tell of a trial."""
        space = self.search.space
        point = {
            name: dimension.rounded(one.params[name]) if isinstance(dimension, Range) else one.params[name]
            for name, dimension in space.items()
            if name in one.params
        }
        scores = self.scores(one) if one.state == State.COMPLETE else {}
        return {
            "trial": one.number,
            **{name: scores.get(name) for name in self.goals},
            **{name: point.get(name) for name in space},
            "status": STATES.get(one.state, "waiting"),
        }


def write_found(found: Found, folder: Path) -> None:
    """Write `trials.csv`, a row a trial, in their order, and `directions.json`: what was better of each objective, and
    the digests of the rows and of those of before, which a kill may leave.
    """
    rows = [
        {
            **found.row(one),
            "front": int(one in found.front),
            "folder": one.user_attrs.get(FOLDER),
            "overrides": " ".join(one.user_attrs.get(OVERRIDES, [])),
            "error": one.user_attrs.get(ERROR),
        }
        for one in found.trials
    ]
    # As they are: a whole number stays one beside trials that have none.
    table = pd.DataFrame(rows, dtype=object)
    if len(found.goals) == 1:
        table = table.drop(columns="front", errors="ignore")
    content, path = table.to_csv(index=False).encode(), folder / TRIALS
    digests = [hashlib.sha256(content).hexdigest(), *([digest_of(path)] if path.is_file() else [])]
    better = {name: better_of(goal) for name, goal in found.goals.items()}
    write_sealed(folder / ASKED, {**better, TRIALS: digests})
    write_file(path, content)


def print_found(found: Found) -> None:
    """Print the best trials (of several objectives the Pareto front), and how many have ended how."""
    # Choices may look like markup: [mse].
    console = Console(width=max(80, shutil.get_terminal_size((110, 24)).columns), markup=False, highlight=False)
    several = len(found.goals) > 1
    objectives = " and ".join(
        f"{name} ({f'near {goal:g}' if isinstance(goal, float) else goal})" for name, goal in found.goals.items()
    )
    shown = found.best if several else found.best[:PRINTED]
    table = Table(
        "trial",
        *found.goals,
        *found.search.space,
        title=f"{'Pareto front of' if several else 'best by'} {objectives}",
    )
    for one in shown:
        row = found.row(one)
        cells = [row[name] for name in ("trial", *found.goals, *found.search.space)]
        table.add_row(
            *("" if cell is None else f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in cells)
        )
    if shown:
        console.print(table)
    counts = pd.Series([STATES.get(one.state, "waiting") for one in found.trials], dtype=str).value_counts()
    console.print(
        f"{len(found.trials)} trials: {', '.join(f'{count} {status}' for status, count in counts.items())}",
        highlight=False,
    )
    for one in found.trials:
        if ERROR in one.user_attrs:
            console.print(f"trial {one.number} failed: {one.user_attrs[ERROR]}", soft_wrap=True)


def write_study(found: Found, folder: Path) -> Path:
    """Write the `study.yaml` of the winners and the recipe as it is, with seeds that the search has not seen."""
    search = found.search
    metrics = [name.removeprefix("val/") for name in found.goals]
    content: dict[str, Any] = {
        "title": f"{search.title or search.name}: what a search has found",
        "question": "Are the winners of the search better than the recipe as it is, with seeds that it has not seen?",
        "recipe": search.recipe,
        "scale": search.scale,
        "overrides": [*search.overrides, *search.given],
        "variants": {"recipe": [], **{f"trial_{one.number}": one.user_attrs[OVERRIDES] for one in found.winners}},
        "baseline": "recipe",
        "seeds": [search.seed + number for number in range(1, SEEDS + 1)],
        "headline": metrics,
    }
    if len(metrics) == 2:
        content["plane"] = dict(zip("xy", metrics, strict=True))
    if search.jobs is not None:
        content["jobs"] = search.jobs
    if search.prepare:
        content["prepare"] = search.prepare
    lines = [
        f"# Written by henkan search {search.name} after {len(found.trials)} trials; none has looked at the test split."
    ]
    for one in found.winners:
        lines.append(f"# trial_{one.number}: {in_words(found.scores(one))} in validation")
    # By the end of its name, so that two searches of one name do not write into one report.
    path = folder / f"{search.name}_winners_{folder.name.rpartition('-')[2]}" / "study.yaml"
    text = yaml.safe_dump(content, sort_keys=False, width=120, allow_unicode=True)
    return write_file(path, "\n".join([*lines, text]))
