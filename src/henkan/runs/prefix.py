"""Shared prefixes: runs of one seed that agree up to a phase boundary train that stretch once.

At each boundary a run offers its state under the identity of everything the weights depend on so far; another run
that would arrive at the same identity starts from there. The result is bitwise that of training it all.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from henkan.runs.run import Run
from henkan.training import checkpoint


def folder(runs: Path, identity: str) -> Path:
    return runs / "prefixes" / identity[:20]


def publish(run: Run, identity: str, state: Mapping[str, Any]) -> None:
    """Offer a state at a phase boundary, with the curves that led there."""
    place = folder(run.folder.parent, identity)
    if (place / "boundary.ckpt").exists():
        return
    place.mkdir(parents=True, exist_ok=True)
    partial = place / f".metrics.csv.{run.identity[:10]}"
    shutil.copyfile(run.curves.path, partial)
    partial.replace(place / "metrics.csv")
    checkpoint.save({**state, "identity": identity, **without_untrained(state)}, place / "boundary.ckpt")


def without_untrained(state: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out a discriminator that has not been updated yet: a run without one offers the same prefix."""
    if state["optimizers"].get("discriminator", {}).get("state"):
        return {}
    return {
        "state_dict": {
            name: value for name, value in state["state_dict"].items() if not name.startswith("discriminator.")
        },
        "optimizers": {"generator": state["optimizers"]["generator"]},
        "schedulers": {name: value for name, value in state["schedulers"].items() if name == "generator"},
    }


def longest(runs: Path, prefixes: Mapping[int, str]) -> tuple[int, Path] | None:
    """Return the farthest boundary that another run has offered: its iteration and its folder."""
    for iteration, identity in sorted(prefixes.items(), reverse=True):
        place = folder(runs, identity)
        if (place / "boundary.ckpt").is_file():
            return iteration, place
    return None
