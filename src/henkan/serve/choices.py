"""What can be applied on the page: runs, model files, networks of the zoo, methods that learn nothing."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from omegaconf import DictConfig

from henkan.errors import UserError
from henkan.prediction.model import Model, load
from henkan.training.model_file import said
from henkan.training.program_file import FORMATS
from henkan.zoo import networks

# Overrides that say how any network is applied; others describe the one method that generator= names.
SHARED = ("grow", "feather", "invert", "megapixels", "paths", "postprocess", "resize", "side", "trainer", "trust")
# What of a run is applied, and how.
OF_RUNS = ("evaluation", "iteration")
# Overrides of the page itself.
OWN = ("kept", "model", "models", "most", "other", "places", "port", "run", "tasks")


@dataclass(frozen=True)
class Choice:
    """One network or method: how it is called, for which task, how it is loaded. `asked` if a person has named it."""

    name: str
    task: str
    place: str | None = None
    words: tuple[str, ...] = ()
    asked: bool = False


@dataclass
class Shelf:
    """Loads what is chosen at its first use, and keeps those that were used last."""

    kept: int
    loaded: OrderedDict[Choice, Model] = field(default_factory=OrderedDict)

    def __call__(self, choice: Choice) -> Model:
        """Return the model of a choice. Raises what `henkan.prediction.model.load` does."""
        if choice not in self.loaded:
            self.put(choice, load(choice.place, choice.words))
        self.loaded.move_to_end(choice)
        return self.loaded[choice]

    def put(self, choice: Choice, model: Model) -> None:
        self.loaded[choice] = model
        while len(self.loaded) > self.kept:
            self.loaded.popitem(last=False)


def choices(cfg: DictConfig, overrides: Sequence[str], shelf: Shelf) -> list[Choice]:
    """Return what is offered, what was named first; it is loaded now, so that what is wrong with it is said now.

    `overrides` are those of the command. Raises what `henkan.prediction.model.load` does, and `UserError` for one that
    would change nothing.
    """
    shared = shared_by_all(overrides)
    method = tuple(word for word in overrides if key_of(word) not in OWN)
    has_method = any(key_of(word) == "generator" for word in overrides)
    runs = [str(cfg[key]) for key in ("run", "other") if cfg[key] is not None]
    of_runs = tuple(word for word in overrides if key_of(word) in OF_RUNS and runs and not has_method)
    if idle := [word for word in method if key_of(word) not in SHARED and word not in of_runs and not has_method]:
        raise UserError(
            f"{idle[0]} says nothing about what the page offers: with generator=NAME it does, and "
            f"{' and '.join(OF_RUNS)} do with run=FOLDER"
        )
    named = [str(cfg[key]) for key in ("run", "other", "model") if cfg[key] is not None]
    named += [str(place) for place in cfg.models]
    found = []
    for place in dict.fromkeys(named):
        found.append(chosen(place, (*shared, *(of_runs if place in runs else ())), shelf))
    if has_method:
        model = load(None, method)
        choice = Choice(model.name, model.task, None, method, asked=True)
        shelf.put(choice, model)
        found.append(choice)
    if not found:
        found += [Choice(name, task_in(networks.find(name)), name, shared) for name in networks.names()]
    only = {choice.task for choice in found if choice.asked}
    for task, offered in cfg.tasks.items():
        if not only or task in only:
            found += [
                Choice(str(name), str(task), None, (f"task={task}", *words, *shared))
                for name, words in offered.methods.items()
            ]
    return found


def chosen(place: str, shared: tuple[str, ...], shelf: Shelf) -> Choice:
    """Return what a person has named, loaded. Raises what `henkan.prediction.model.load` does."""
    model = load(place, shared)
    choice = Choice(short(place), model.task, place, shared, asked=True)
    shelf.put(choice, model)
    return choice


def shared_by_all(overrides: Sequence[str]) -> tuple[str, ...]:
    """Return those of the command's overrides that say how any network is applied."""
    return tuple(word for word in overrides if key_of(word) in SHARED)


def key_of(word: str) -> str:
    """Return the first part of the key that an override sets."""
    return word.partition("=")[0].lstrip("+~").partition("@")[0].partition(".")[0]


def short(place: str) -> str:
    """Return what a network is called on the page: the name of its folder or file."""
    path = Path(place)
    if path.suffix in FORMATS:
        # A program and the run that it was made of are often called alike.
        return path.name
    return path.stem if path.suffix in (".safetensors", ".ckpt") else path.name


def task_in(file: Path) -> str:
    """Return the task of a model file, without building its network."""
    target: str = yaml.safe_load(said(file)["config"])["task"]["_target_"]
    return target.split(".")[-2]
