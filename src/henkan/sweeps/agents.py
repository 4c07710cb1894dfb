"""A study as a sweep of Weights & Biases, whose agents start `henkan train` on any number of machines."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any

import yaml

from henkan.config.studies import Study, point_of, text_of
from henkan.config.words import SEVERAL, split
from henkan.errors import UserError

ONLINE = ("logger=wandb", "logger.mode=online")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


def sweep_of(study: Study, project: str, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the YAML of a sweep over all of a study says; `metrics` tell which way each is better.

    An axis of values is a parameter of its own, so that W&B draws it and its searches can vary it. A variant at named
    values of the other axes is one value of the parameter `overrides`, and tells its name. The sweep is a grid: what is
    the same at several of its points is trained once. Where the study excludes configurations there is no whole grid:
    all axes are told with the variants.
    """
    plain = {axis: values for axis, values in study.axes.items() if not study.exclude and is_plain(axis, values)}
    named = {axis: values for axis, values in study.axes.items() if axis not in plain}
    cells = [*study.variants.values(), *(words for values in named.values() for words in values.values())]
    has_recipes = any(word.startswith("experiment=") for words in cells for word in words)
    parameters: dict[str, Any] = {SEVERAL: {"values": []}}
    for variant, words_of_axes in itertools.product(study.variants, itertools.product(*named.values())):
        point = dict(zip(named, words_of_axes, strict=True))
        if study.exclude and " ".join([variant, *words_of_axes]) in study.exclude:
            continue
        words = [*study.variants[variant], *(word for axis, value in point.items() for word in named[axis][value])]
        recipes = [word for word in words if word.startswith("experiment=")] or [f"experiment={study.recipe}"]
        own = [f"variant={text_of(variant)}", *([f"point={point_of(point)}"] if point else [])]
        own += [*(recipes[-1:] if has_recipes else []), *(word for word in words if not word.startswith("experiment="))]
        said = " ".join(own)
        if split(said) != own:
            raise UserError(f"variant {variant}: its overrides cannot be one value of a sweep: {said}")
        parameters[SEVERAL]["values"].append(said)
    for axis, values in plain.items():
        parameters[axis] = {"values": [number_or_text(words[0].partition("=")[2]) for words in values.values()]}
    parameters["seed"] = {"values": list(study.seeds)}
    recipe = [] if has_recipes else [f"experiment={study.recipe}"]
    fixed = [*recipe, f"scale={study.scale}", *study.overrides, f"study={text_of(study.name)}", *ONLINE]
    found: dict[str, Any] = {
        "name": study.name,
        **({"description": study.question} if study.question else {}),
        "project": project,
        "method": "grid",
        # What the command line of `henkan wandb-sweep` says comes last, as it does in the study.
        "command": ["henkan", "train", *fixed, "${args_no_hyphens}", *study.given],
        "parameters": parameters,
    }
    directions = {"higher": "maximize", "lower": "minimize"}
    headline = next((name for name in study.headline if metrics.get(name) in directions), None)
    if headline is not None:
        found["metric"] = {"name": f"val/{headline}", "goal": directions[metrics[headline]]}
    return found


def is_plain(axis: str, values: Mapping[str, list[str]]) -> bool:
    """Whether an axis is a key with values, and nothing else."""
    return all(len(words) == 1 and words[0].partition("=")[0] == axis for words in values.values())


def number_or_text(word: str) -> int | float | str:
    """Return a value as YAML has it; what is no number stays as Hydra reads it."""
    if not NUMBER.fullmatch(word):
        return word
    return float(word) if re.search(r"[.eE]", word) else int(word)


def as_yaml(sweep: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(sweep), sort_keys=False, allow_unicode=True, width=1000)
