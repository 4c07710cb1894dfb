"""Shared prefixes: runs of one seed that agree up to a phase boundary train that stretch once.

At each boundary a run offers its state under the identity of everything the weights depend on so far; another run
that would arrive at the same identity starts from there. The result is bitwise that of training it all.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from henkan.files import replaced
from henkan.runs.run import Run
from henkan.training import checkpoint


def folder(runs: Path, identity: str) -> Path:
    return runs / "prefixes" / identity[:20]


def publish(run: Run, identity: str, state: Mapping[str, Any], judged: bool) -> None:
    """Offer a state at a phase boundary, with the curves that led there; `judged`: a discriminator was trained."""
    place = folder(run.folder.parent, identity)
    with replaced(place / "metrics.csv") as partial:
        shutil.copyfile(run.curves.path, partial)
    kept = state if judged else without_discriminator(state)
    checkpoint.save({**kept, "identity": identity, "code": run.record["code"]}, place / "boundary.ckpt")


def without_discriminator(state: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out a discriminator that has not been updated yet: a run without one offers the same prefix."""
    return {
        **state,
        "state_dict": {
            name: value for name, value in state["state_dict"].items() if not name.startswith("discriminator.")
        },
        "optimizers": {"generator": state["optimizers"]["generator"]},
        "schedulers": {name: value for name, value in state["schedulers"].items() if name == "generator"},
    }


def longest(runs: Path, prefixes: Mapping[int, str]) -> Path | None:
    """Return the folder of the farthest boundary that another run has offered."""
    offered = (at(runs, identity) for _, identity in sorted(prefixes.items(), reverse=True))
    return next((place for place in offered if place is not None), None)


def at(runs: Path, identity: str) -> Path | None:
    """Return the folder of a boundary, if it has been offered."""
    place = folder(runs, identity)
    return place if (place / "boundary.ckpt").is_file() else None
