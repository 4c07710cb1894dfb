"""What an evaluation is asked for beside its scores: areas of holes, and a curve along a setting of the degradation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from henkan.config.resolved import Config, Node
from henkan.errors import UserError
from henkan.scoring.evaluation_set import scored

# Null is a value of a setting, too.
MISSING = object()


@dataclass(frozen=True)
class Curve:
    """A setting of the degradation and its values: numbers, words, null, or ranges."""

    setting: str
    values: list[Any]


def check_asked(config: Config) -> None:
    """Raise `UserError` for areas or a curve that there cannot be: before anything is trained, or scored."""
    settings = config["evaluation"]
    if settings.get("split") is not None:
        check_edges(settings.get("areas"))
        curve_of(config)


def check_edges(edges: Sequence[float] | None) -> None:
    """Raise `UserError` for edges of areas that do not rise from 0 to 1: some picture would be in no bin."""
    if edges is None:
        return
    rising = all(low < high for low, high in pairwise(edges))
    if len(edges) < 2 or not rising or edges[0] != 0 or edges[-1] != 1:
        raise UserError(f"evaluation.areas={list(edges)} must rise from 0 to 1, as in [0.0, 0.2, 0.5, 1.0]")


def curve_of(config: Config) -> Curve | None:
    """Return what `evaluation.curve` asks for, if anything. Raises `UserError` for what is no setting or no values."""
    asked = config["evaluation"].get("curve")
    if asked is None:
        return None
    if not isinstance(asked, dict) or "setting" not in asked or not isinstance(asked.get("values"), list):
        raise UserError("evaluation.curve is a setting and its values, as in {setting: count, values: [0, 1, 10]}")
    setting, degradation = str(asked["setting"]), scored(config)["degradation"]
    if not asked["values"]:
        raise UserError(f"evaluation.curve has no values of {setting}: {{setting: {setting}, values: [0, 1, 10]}}")
    # What is built is chosen by the degradation alone: a run of somebody else is checked for what it builds.
    if "_target_" in setting or not re.fullmatch(r"[\w-]+(\.[\w-]+)*", setting) or not has(degradation, setting):
        known = ", ".join(str(name) for name in degradation if name != "_target_")
        there = f"it has {known}" if known else "it has none: evaluation.curve=null"
        raise UserError(f"evaluation.curve.setting={setting}: the degradation has no such setting; {there}")
    return Curve(setting, list(asked["values"]))


def has(degradation: Node, setting: str) -> bool:
    """Whether a degradation has a setting, by its dotted key."""
    try:
        return OmegaConf.select(OmegaConf.create(dict(degradation)), setting, default=MISSING) is not MISSING
    except OmegaConfBaseException:
        # A key below what holds none, as a list.
        return False
