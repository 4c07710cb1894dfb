"""henkan in three lines of Python: `henkan.load`, `compose`, `train` and `evaluate`, by the overrides of the verbs.

    import henkan

    model = henkan.load("outputs/runs/RUN")
    filled = model(picture, mask=mask)
    run = henkan.train("experiment=glcic", "scale=smoke", seed=1)
    print(run.scores["psnr"], henkan.evaluate(run=run.folder, metric=["psnr", "ssim"]).scores)

A setting is an override as on the command line, or a keyword where its key is a word. What goes wrong is a
`henkan.errors.UserError` in one line.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hydra.core.override_parser.types import Quote, QuotedString
from omegaconf import DictConfig
from torch import Tensor

from henkan.config.composition import compose_root
from henkan.config.explain import explain
from henkan.config.trees import make_importable
from henkan.errors import UserError
from henkan.files import read_json
from henkan.launching.execute import run as run_verb
from henkan.launching.swept import noted, sweeping
from henkan.prediction import model
from henkan.prediction.model import Model
from henkan.runs.record import read_record


@dataclass(frozen=True)
class Run:
    """A run folder, which stands for its path too, what its record says, and the means of its scores."""

    folder: Path
    record: Mapping[str, Any]
    scores: Mapping[str, float]

    def __fspath__(self) -> str:
        return str(self.folder)


def load(name: str | os.PathLike[str] | None = None, *overrides: str, **settings: Any) -> Model:
    """Return the model of a run folder or a file, to be called on pictures; see `Model`.

    Overrides are those of `henkan predict`. Without a name, a generator that learns nothing:
    `load("task=colorization", "generator=levin")`.
    """
    if isinstance(name, str) and "=" in name and not os.path.exists(name):
        return load(None, name, *overrides, **settings)
    if name is not None and not (isinstance(name, str | os.PathLike) and os.fspath(name)):
        raise UserError(f"{name!r} names no network: give the path of a run or a file, or a name of henkan zoo")
    words = in_words(overrides, settings)
    with in_a_line("predict", words):
        return model.load(None if name is None else os.fspath(name), words)


def compose(*overrides: str, root: str = "train", **settings: Any) -> DictConfig:
    """Return a config as a verb would have it, with its interpolations; `root` is the verb."""
    words = in_words(overrides, settings)
    with in_a_line(root, words):
        return compose_root(root, words)


def train(*overrides: str, **settings: Any) -> Run:
    """Train a run as `henkan train` does: go on with an interrupted one, return one that is done."""
    return run("train", in_words(overrides, settings))


def evaluate(*overrides: str, **settings: Any) -> Run:
    """Score a run (`run=…`), or a generator that learns nothing, as `henkan evaluate` does."""
    return run("evaluate", in_words(overrides, settings))


def run(verb: str, words: Sequence[str]) -> Run:
    """Run a verb that leaves a run folder, and return that."""
    if any(word.startswith(("-", "hydra.mode=")) for word in words):
        raise UserError("one run at a time: loop over them here, or sweep with henkan train -m")
    with tempfile.TemporaryDirectory() as place, in_a_line(verb, words):
        with sweeping(Path(place)):
            run_verb(verb, words)
        folder = noted(Path(place))[-1].resolve()
    scores = folder / "evaluation.json"
    found = read_json(scores, "henkan evaluate run=… writes it again", dict) if scores.is_file() else {"means": {}}
    # What was scored otherwise than when it was trained lies below the run that it is of.
    return Run(folder, read_record(folder) or read_record(folder.parents[1]) or {}, found["means"])


@contextmanager
def in_a_line(verb: str, words: Sequence[str]) -> Iterator[None]:
    """Turn what the command line would say in a line into a `UserError` that says it."""
    make_importable(Path.cwd())
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        line, _ = explain(error, verb, words)
        if line is None:
            raise
        raise UserError(line) from error


def in_words(overrides: Sequence[str], settings: Mapping[str, Any]) -> list[str]:
    """Return overrides and settings as the words of a command line. Raises `UserError` for an override that is none."""
    if foreign := [word for word in overrides if not isinstance(word, str)]:
        raise UserError(f'{foreign[0]!r} is no override: give each by itself, as in "loss=[mse]", "seed=3", or seed=3')
    return [*overrides, *(f"{key}={literal(value)}" for key, value in settings.items())]


def literal(value: Any) -> str:
    """Return a value in Hydra's grammar."""
    if isinstance(value, np.generic | np.ndarray | Tensor):
        return literal(value.tolist())
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}: {literal(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(literal, value)) + "]"
    text = os.fspath(value) if isinstance(value, os.PathLike) else str(value)
    # Interpolations and lists that were written as text are what they are on the command line.
    if re.fullmatch(r"[\w./-]+", text, re.ASCII) or text.startswith(("[", "{", "${")):
        return text
    return QuotedString(text, Quote.single).with_quotes()
