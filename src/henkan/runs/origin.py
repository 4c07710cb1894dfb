"""What `resume_from` names: a checkpoint whose whole state a run goes on from, under settings of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from henkan.errors import UserError
from henkan.training import checkpoint
from henkan.training.schedule import Schedule


@dataclass(frozen=True)
class Origin:
    """A checkpoint at `iteration`; `digest` is the hash of its state, a part of the new run's identity."""

    path: Path
    digest: str
    iteration: int
    identity: str | None

    @property
    def curves(self) -> Path:
        """Where the curves are that led there, if it lies in its run's folder."""
        return self.path.parents[1] / "metrics.csv"


def find_origin(place: Path, schedule: Schedule) -> Origin:
    """Find the checkpoint. Raises `UserError` where a schedule cannot go on from it.

    It must have been trained by the same phases up to its iteration: the samples that the next iteration draws, and how
    often each network was updated, follow from them. Names count, loss terms and weights do not.
    """
    path = checkpoint.find_checkpoint(place)
    state = checkpoint.load(path)
    if "phases" not in state:
        raise UserError(f"{path} does not tell the phases that led to it: init={place} takes its weights alone")
    iteration = int(state["iteration"])
    if iteration >= len(schedule):
        raise UserError(
            f"{path} is at iteration {iteration}, and this schedule ends at {len(schedule)}: give its phases more "
            "iterations, or an earlier checkpoint"
        )
    before, here = state["phases"], schedule.until(iteration)
    if before != here:
        raise UserError(
            f"{path} was trained by other phases ({told(before)}) than this schedule has up to iteration {iteration} "
            f"({told(here)}): leave these as they were, or take its weights alone with init={place}"
        )
    return Origin(path, checkpoint.hash_state(state), iteration, state.get("identity"))


def told(phases: Sequence[Sequence[Any]]) -> str:
    """Return phases in words: `6 x reconstruction: generator, 8 x joint: discriminator and generator`."""
    return ", ".join(f"{iterations} x {name}: {' and '.join(update)}" for name, iterations, update, *_ in phases)
