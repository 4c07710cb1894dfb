"""The trials of a search: asked for, gone on with after a kill, watched, told.

Optuna's storage is the truth about what was tried and found; the curves of the runs are the truth about scores. Each
trial notes the overrides of its run, so that whoever goes on with it finds the run by its identity. While a process
works on a trial it holds a lock in the search's folder: that of one that has died is free.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock

from henkan.config.searches import Choice, Dimension, Range, Search, Space, Value, overrides_at
from henkan.files import owner, stamp_of, write_file
from henkan.runs.curves import read_rows
from henkan.runs.locks import lock, try_to_hold
from henkan.runs.record import read_record
from henkan.runs.stopping import close_stopped, say_why
from henkan.sweeps.optimizer import Direction, Goal, open_study, rated
from henkan.sweeps.scheduler import Job

State = optuna.trial.TrialState
# What a trial notes: the overrides that make its point, where its search's folder is, and of its run these.
OVERRIDES, PLACE, FOLDER, IDENTITY, ERROR = "overrides", "place", "folder", "identity", "error"
# Its scores as they were logged, by objective: Optuna is told how far they are where that is what matters.
SCORES = "scores"


@dataclass
class Taken:
    """A trial that is this process's, `reported` being the iterations whose scores Optuna knows already."""

    trial: optuna.Trial
    mine: FileLock
    words: list[str]
    reported: set[int] = field(default_factory=set)
    left: bool = False
    """Whether another process was killed while it worked on it."""

    @property
    def number(self) -> int:
        return self.trial.number

    def fail(self, reason: str) -> str:
        """Tell that there will be no score; return that in words."""
        self.trial.set_user_attr(ERROR, reason)
        self.trial.study.tell(self.trial, state=State.FAIL)
        return f"failed: {reason}"


class Trials:
    """What is left to try, for this process: trials that nobody works on any more, and new ones up to the number.

    `sampler` makes what draws the trial of a number, so that a search draws the same whether it was interrupted or not.
    """

    def __init__(
        self, search: Search, folder: Path, directions: Sequence[Direction], pruner: Any, sampler: Callable[[int], Any]
    ) -> None:
        self.search, self.folder, self.sampler = search, folder, sampler
        self.address = search.storage or str(folder / "journal.log")
        self.study = open_study(self.address, folder.name, directions, pruner)
        self.alone = lock(folder / ".ask")
        self.taken: dict[int, Taken] = {}
        with self.alone:
            self.place = place_of(folder)

    @property
    def all(self) -> list[optuna.trial.FrozenTrial]:
        """Every trial but those that were not even drawn when their process was killed."""
        found = self.study.get_trials(deepcopy=False)
        return [one for one in found if OVERRIDES in one.user_attrs or one.state.is_finished()]

    def elsewhere(self) -> list[optuna.trial.FrozenTrial]:
        """Return the trials under way that share this folder and are not this process's."""
        return [
            one
            for one in self.all
            if one.state == State.RUNNING and one.number not in self.taken and one.user_attrs[PLACE] == self.place
        ]

    def next(self) -> Taken | None:
        """Return a trial that its process has left, or else a new one; None where there is none to be had now."""
        with self.alone:
            taken = self.left() or self.new()
        if taken is not None:
            self.taken[taken.number] = taken
        return taken

    def left(self) -> Taken | None:
        for one in self.elsewhere():
            if try_to_hold(mine := self.lock(one.number)):
                trial = optuna.Trial(self.study, one._trial_id)
                return Taken(trial, mine, one.user_attrs[OVERRIDES], set(one.intermediate_values), left=True)
        return None

    def new(self) -> Taken | None:
        if len(self.all) >= self.search.trials:
            return None
        self.study.sampler = self.sampler(len(self.study.get_trials(deepcopy=False)))
        trial = self.study.ask()
        mine = self.lock(trial.number)
        mine.acquire()
        words = overrides_at(self.search.space, draw(self.search.space, trial))
        trial.set_user_attr(PLACE, self.place)
        trial.set_user_attr(OVERRIDES, words)
        return Taken(trial, mine, words)

    def lock(self, number: int) -> FileLock:
        return lock(self.folder / "trials" / f"{number}.lock")


def place_of(folder: Path) -> str:
    """Return what tells this folder from one of the same name on a machine that shares the storage alone."""
    path = folder / ".place"
    if not path.is_file():
        write_file(path, secrets.token_hex(8))
    return path.read_text()


def draw(space: Space, trial: optuna.Trial) -> dict[str, Value]:
    """Draw a point; what does not apply there has no value."""
    point: dict[str, Value] = {}
    for name, dimension in space.items():
        if dimension.applies(point):
            point[name] = suggested(dimension, trial)
    return point


def suggested(dimension: Dimension, trial: optuna.Trial) -> Value:
    if isinstance(dimension, Choice):
        return trial.suggest_categorical(dimension.name, list(dimension.options))
    assert isinstance(dimension, Range)
    name, low, high, log, step = dimension.name, dimension.low, dimension.high, dimension.log, dimension.step
    if dimension.whole:
        return trial.suggest_int(name, int(low), int(high), step=int(step or 1), log=log)
    return trial.suggest_float(name, low, high, step=step, log=log)


@dataclass(kw_only=True)
class TrialJob(Job):
    """The run of a trial. What it logs is reported; one that is behind is stopped, by the pruner of this name.

    Of several objectives nothing can be reported, and no pruner is there.
    """

    taken: Taken
    objectives: Mapping[str, Goal]
    pruner: str | None
    stamp: list[int] | None = None
    asked: bool = False

    @property
    def over(self) -> bool:
        """Whether the process that was killed with this trial had stopped its run, and not told it yet."""
        return self.taken.left and (read_record(self.folder) or {}).get("status") == "stopped"

    @property
    def status(self) -> str:
        found = super().status
        if found == "waiting" and not self.plan.config["rerun"]:
            # However it was scored: what a trial needs is in its curves.
            return "done" if (read_record(self.folder) or {}).get("status") == "done" else found
        return found

    def watch(self) -> None:
        """Report new scores of the running process, and ask it to stop if it is behind."""
        if self.pruner is None or self.asked or self.process is None or (stamp := stamp_of(self.curves)) == self.stamp:
            return
        record = read_record(self.folder) or {}
        # Before it has begun, the curves are those of an earlier start.
        if record.get("status") != "running" or record.get("process") != owner(self.process.pid):
            return
        self.stamp = stamp
        if not self.report():
            return
        last = max(self.taken.reported)
        if last < len(self.plan.schedule) and self.taken.trial.should_prune():
            say_why(self.folder, f"behind other trials at iteration {last}, says {self.pruner} ({self.scores()})")
            self.process.ask()
            self.asked = True

    @property
    def curves(self) -> Path:
        return self.folder / "metrics.csv"

    def report(self) -> bool:
        """Report what is logged and was not reported yet; returns whether there was any."""
        ((name, goal),) = self.objectives.items()
        rows = [row for row in read_rows(self.curves) if name in row and row["iteration"] not in self.taken.reported]
        for row in rows:
            self.taken.trial.report(rated(goal, float(row[name])), int(row["iteration"]))
            self.taken.reported.add(int(row["iteration"]))
        return bool(rows)

    def values(self) -> dict[str, float]:
        """Return the last scores; NaN for what is not logged."""
        rows = read_rows(self.curves)
        return {
            name: next((float(row[name]) for row in reversed(rows) if name in row), math.nan)
            for name in self.objectives
        }

    def scores(self) -> str:
        return in_words(self.values())

    def tell(self) -> str | None:
        """Tell what has come of the ended run, and return it in words; nothing where it was interrupted."""
        record, study, trial = read_record(self.folder) or {}, self.taken.trial.study, self.taken.trial
        if self.asked and record.get("status") != "done":
            # The signal may also have ended it before it could say so itself.
            record = close_stopped(self.folder, record)
        if record.get("status") == "stopped":
            study.tell(trial, state=State.PRUNED)
            return f"stopped: {record.get('error', '')}"
        if self.interrupted:
            return None
        # One that was done when it was asked to stop is done.
        if record.get("status") != "done" or (self.error is not None and not self.asked):
            return self.taken.fail(self.error or record.get("error", "its process has ended"))
        values = self.values()
        if absent := [name for name, value in values.items() if math.isnan(value)]:
            way_out = "its run is done and logged no number there; rerun=true trains it again"
            return self.taken.fail(f"{absent[0]}: {way_out}")
        if self.pruner is not None:
            self.report()
        trial.set_user_attr(SCORES, values)
        study.tell(trial, [rated(goal, values[name]) for name, goal in self.objectives.items()])
        return in_words(values)


def in_words(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())
