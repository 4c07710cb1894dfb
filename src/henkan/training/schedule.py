"""The schedule as data: a mapping of phases, and what each iteration of it does."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, Literal

from henkan.config import resolved as configured
from henkan.errors import UserError
from henkan.terms.term import Term

NETWORKS: tuple[Literal["generator", "discriminator"], ...] = ("generator", "discriminator")


@dataclass(frozen=True)
class Phase:
    """A stretch of iterations that update the same networks by the same terms.

    Networks are updated in the order of `update`. `terms` null means: every chosen term, and the terms that need a
    discriminator only where it is updated too. With `discriminator_updates` k, only every k-th iteration updates the
    generator (and counts among the iterations that the config gives): the others are fresh batches for the
    discriminator. Null means: as many as its terms ask for.
    """

    name: str
    iterations: int
    update: tuple[str, ...]
    terms: tuple[str, ...] | None = None
    discriminator_updates: int | None = None

    def updated(self, number: int) -> tuple[str, ...]:
        """Return the networks that iteration `number` of the phase updates."""
        if (number + 1) % self.ratio == 0:
            return self.update
        return tuple(network for network in self.update if network != "generator")

    @property
    def ratio(self) -> int:
        """How many iterations go to one update of the generator."""
        return (self.discriminator_updates or 1) if set(self.update) == set(NETWORKS) else 1

    def updates(self, network: str, iterations: int) -> int:
        """Return how many of the phase's first `iterations` update a network."""
        if network not in self.update:
            return 0
        return iterations // self.ratio if network == "generator" else iterations


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
                names, ratio = node.get("terms"), node.get("discriminator_updates")
                if ratio is not None and ratio < 1:
                    raise UserError(f"schedule.{name}.discriminator_updates={ratio} must be 1 or more")
                terms = None if names is None else tuple(names)
                phases.append(Phase(name, int(node["iterations"]), update, terms, ratio))
        return cls(some(phases))

    def for_terms(self, terms: Sequence[Term]) -> Schedule:
        """Return the schedule that trains by these terms.

        Updates that no term teaches anything are left out, and the phases that this leaves empty; where both networks
        are updated there are as many iterations as the terms want updates of the discriminator.
        """
        phases = []
        for phase in self.phases:
            found = active(terms, phase)
            taught = {network for term in found for network in term.loss.teaches}
            update = tuple(network for network in phase.update if network in taught)
            if update:
                asked = phase.discriminator_updates or max(term.loss.discriminator_updates for term in found)
                phase = replace(phase, update=update, discriminator_updates=asked)
                phases.append(replace(phase, iterations=phase.iterations * phase.ratio))
        return Schedule(some(phases))

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    def phase_number(self, iteration: int) -> int:
        """Return which phase (from 0) an iteration belongs to."""
        return bisect_right(self.ends, iteration)

    def phase_at(self, iteration: int) -> Phase:
        return self.phases[self.phase_number(iteration)]

    def updated(self, iteration: int) -> tuple[str, ...]:
        """Return the networks that an iteration updates, in order."""
        number = self.phase_number(iteration)
        phase = self.phases[number]
        return phase.updated(iteration - (self.ends[number] - phase.iterations))

    def updates(self, network: str, before: int | None = None) -> int:
        """Return how many iterations in [0, before) update `network`."""
        before = len(self) if before is None else before
        total, start = 0, 0
        for phase, end in zip(self.phases, self.ends, strict=True):
            total += phase.updates(network, max(0, min(before, end) - start))
            start = end
        return total

    def until(self, iteration: int) -> list[list[Any]]:
        """Return what was trained before an iteration, plain: name, iterations, networks and terms of each phase."""
        phases: list[list[Any]] = []
        start = 0
        for phase, end in zip(self.phases, self.ends, strict=True):
            if start < iteration:
                terms = None if phase.terms is None else list(phase.terms)
                ratio = [phase.ratio] if phase.ratio > 1 else []
                phases.append([phase.name, min(end, iteration) - start, list(phase.update), terms, *ratio])
            start = end
        return phases

    def counter(self, iteration: int) -> tuple[str, int]:
        """Return which counter the iteration's batch is drawn from, and how many batches that has given before.

        What the generator is trained on has a counter of its own, so that it sees the same samples whether or not
        a discriminator is trained in between.
        """
        if "generator" in self.updated(iteration):
            return "generator", self.updates("generator", iteration)
        return "discriminator", iteration - self.updates("generator", iteration)


def check_shares(terms: Sequence[Term], phases: Sequence[Phase]) -> None:
    """Raise `UserError` for a phase in which a balanced term has nothing to be a share of."""
    for phase in phases:
        found = active(terms, phase) if "generator" in phase.update else []
        balanced = [term for term in found if term.balance is not None]
        others = (term for term in found if term.weight and term.balance is None)
        if balanced and not any("generator" in term.loss.weighs for term in others):
            raise UserError(
                f"balance.{balanced[0].name}={balanced[0].balance} is a share of what the other terms pull, and the "
                f"phase {phase.name} has none with a weight: loss=[mse,...]"
            )


def active(terms: Sequence[Term], phase: Phase) -> list[Term]:
    """Return the terms that take part in a phase."""
    if phase.terms is not None:
        return [term for term in terms if term.name in phase.terms]
    judged = "discriminator" in phase.update
    return [term for term in terms if judged or not term.loss.judges]
