"""Optuna, as far as searches need it: its storages, samplers and pruners, by name."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Mapping, Sequence
from os import SEEK_END
from pathlib import Path
from typing import Any, Literal

from henkan.config.explain import one_line, suggestion
from henkan.errors import UserError
from henkan.runs.locks import lock

try:
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
    from sqlalchemy.exc import SQLAlchemyError
except ImportError as error:
    raise UserError(
        "henkan search needs the package optuna, 5 or newer: pip install 'henkan[search]' (in another environment than "
        "Hydra's own Optuna sweeper, which needs an old one)"
    ) from error

Direction = Literal["maximize", "minimize"]
Goal = Direction | float
"""What is better of an objective: more, less, or what is nearer to a number."""
SAMPLERS: dict[str, Any] = {
    "tpe": optuna.samplers.TPESampler,
    "random": optuna.samplers.RandomSampler,
    "gp": optuna.samplers.GPSampler,
    "nsgaii": optuna.samplers.NSGAIISampler,
}
PRUNERS: dict[str, Any] = {
    "none": optuna.pruners.NopPruner,
    "median": optuna.pruners.MedianPruner,
    "percentile": optuna.pruners.PercentilePruner,
    "halving": optuna.pruners.SuccessiveHalvingPruner,
    "hyperband": optuna.pruners.HyperbandPruner,
    "threshold": optuna.pruners.ThresholdPruner,
}
optuna.logging.set_verbosity(optuna.logging.WARNING)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


class JournalLock(JournalFileOpenLock):
    """Held while the journal is written. That of a killed process is free at once.

    A line that such a process has not finished is taken away: what is written behind it could not be read.
    """

    def __init__(self, journal: Path) -> None:
        self.journal, self._lock = journal, lock(journal.with_name(f".{journal.name}.turn"))

    def acquire(self) -> bool:
        self._lock.acquire()
        with self.journal.open("rb+") as file:
            end = file.seek(0, SEEK_END)
            file.seek(max(0, end - 1))
            if end and file.read(1) != b"\n":
                file.seek(0)
                file.truncate(file.read().rfind(b"\n") + 1)
        return True

    def release(self) -> None:
        self._lock.release()


def open_study(
    address: str, name: str, directions: Sequence[Direction], pruner: optuna.pruners.BasePruner
) -> optuna.Study:
    """Return a study of Optuna's, made where it is not there yet. Raises `UserError` for a storage that cannot be had.

    `address` is what Optuna takes (sqlite:///…, postgresql://…), or the path of a journal.
    """
    try:
        storage = optuna.storages.get_storage(address) if "://" in address else journal(Path(address).expanduser())
        return optuna.create_study(
            storage=storage, study_name=name, directions=list(directions), pruner=pruner, load_if_exists=True
        )
    except (SQLAlchemyError, ImportError, ValueError, OSError, optuna.exceptions.OptunaError) as error:
        raise UserError(
            f"storage={without_password(address)} cannot be opened: {one_line(error).partition(' (Background')[0]}"
        ) from error


def direction(goal: Goal) -> Direction:
    """Return the direction that Optuna knows a goal by."""
    return "minimize" if isinstance(goal, float) else goal


def rated(goal: Goal, score: float) -> float:
    """Return what Optuna is told of a score: itself, or how far it is from the number that it is to come near to."""
    return abs(score - goal) if isinstance(goal, float) else score


def goal_in_words(name: str, goal: Goal) -> str:
    return f"bring {name} near {goal:g}" if isinstance(goal, float) else f"{goal} {name}"


def without_password(address: str) -> str:
    """Return an address as it may stand on a screen or in a log."""
    return re.sub(r"//.*@", "//…@", address)


def journal(path: Path) -> optuna.storages.JournalStorage:
    path.parent.mkdir(parents=True, exist_ok=True)
    return optuna.storages.JournalStorage(JournalFileBackend(str(path), JournalLock(path)))


def make(key: str, known: Mapping[str, Any], said: Mapping[str, Any], **given: Any) -> Any:
    """Return a sampler or pruner by name with its settings; what is `given` as well, if it takes that and none is said.

    Raises `UserError` for a name or setting that there is not.
    """
    name, settings = said["name"], {setting: value for setting, value in said.items() if setting != "name"}
    if name not in known:
        raise UserError(f"{key}={name}: there is none of that name{suggestion(name, known)}; there are {list(known)}")
    takes = inspect.signature(known[name]).parameters
    for setting in settings:
        if setting not in takes:
            raise UserError(f"{key}: {name} has no setting {setting!r}{suggestion(setting, takes)}")
    try:
        return known[name](**{setting: value for setting, value in given.items() if setting in takes} | settings)
    except (TypeError, ValueError) as error:
        raise UserError(f"{key}={name}: {one_line(error)}") from error
