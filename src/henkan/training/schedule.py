"""The schedule as data: a mapping of phases, and what each iteration of it does."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from henkan.config import resolved as configured
from henkan.errors import UserError

NETWORKS = ("generator", "discriminator")


@dataclass(frozen=True)
class Phase:
    """A stretch of iterations that update the same networks by the same terms.

    `terms` null means: every chosen term, and the terms that need a discriminator only where it is updated too.
    """

    name: str
    iterations: int
    update: tuple[str, ...]
    terms: tuple[str, ...] | None = None


def some(phases: Sequence[Phase]) -> Sequence[Phase]:
    """Return phases, of which there must be one: what is configured to train must have something to train."""
    if not phases:
        raise UserError("the schedule has no phase that updates anything: choose a loss term (loss=[mse])")
    return phases


class Schedule:
    """Phases in order, none where nothing is trained. Iterations count from 0; `len` is the number of all of them."""

    def __init__(self, phases: Sequence[Phase]) -> None:
        self.phases = tuple(phases)
        self.ends = tuple(accumulate(phase.iterations for phase in phases))

    @classmethod
    def from_config(cls, config: Mapping[str, configured.Phase], discriminator: bool) -> Schedule:
        """Read the config's mapping; without a discriminator its updates, and phases left empty, are dropped."""
        phases = []
        for name, node in config.items():
            unknown = set(node["update"]) - set(NETWORKS)
            if unknown:
                raise UserError(f"schedule.{name}.update names {sorted(unknown)}; it may name {list(NETWORKS)}")
            if int(node["iterations"]) < 0:
                raise UserError(f"schedule.{name}.iterations is negative")
            update = tuple(network for network in node["update"] if discriminator or network != "discriminator")
            if update and node["iterations"]:
                terms = node.get("terms")
                phases.append(Phase(name, int(node["iterations"]), update, None if terms is None else tuple(terms)))
        return cls(some(phases))

    def without_idle(self, pulled: Callable[[Phase], Sequence[str]]) -> Schedule:
        """Return the schedule without updates that no term pulls, and without the phases that this leaves empty."""
        phases = []
        for phase in self.phases:
            update = tuple(network for network in phase.update if network in pulled(phase))
            if update:
                phases.append(replace(phase, update=update))
        return Schedule(some(phases))

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    def phase_number(self, iteration: int) -> int:
        """Return which phase (from 0) an iteration belongs to."""
        return bisect_right(self.ends, iteration)

    def phase_at(self, iteration: int) -> Phase:
        return self.phases[self.phase_number(iteration)]

    def updates(self, network: str, before: int | None = None) -> int:
        """Return how many iterations in [0, before) update `network`."""
        before = len(self) if before is None else before
        total, start = 0, 0
        for phase, end in zip(self.phases, self.ends, strict=True):
            if network in phase.update:
                total += max(0, min(before, end) - start)
            start = end
        return total

    def counter(self, iteration: int) -> tuple[str, int]:
        """Return which counter the iteration's batch is drawn from, and how many batches that has given before.

        What the generator is trained on has a counter of its own, so that it sees the same samples whether or not
        a discriminator is trained in between.
        """
        if "generator" in self.phase_at(iteration).update:
            return "generator", self.updates("generator", iteration)
        return "discriminator", iteration - self.updates("generator", iteration)
