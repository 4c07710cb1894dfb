"""How strongly terms pull at the generator, and weights that hold one at a share of what the others pull.

A pull is the norm of a term's gradient at what the generator answered (`raw` and `aux.*`): that is what a gradient goes
back through, whatever the term reads of it. The known pixels of a completed `output` say nothing about a pull.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from henkan.ranks import summed, world_size
from henkan.sample import Sample
from henkan.terms.term import Term
from henkan.training.state import BalanceState

DECAY = 0.99
LARGEST = 1e4
# Not a name of a term.
OTHERS = ""

Gradients = dict[str, list[Tensor | None]]


def answers(samples: Mapping[str, Sample]) -> list[Tensor]:
    """Return all that the generator has answered in an iteration and a gradient goes back through."""
    found = [sample[key] for sample in samples.values() for key in sample if key == "raw" or key.startswith("aux.")]
    return [value for value in tensors(found) if value.requires_grad]


def tensors(node: Any) -> Iterator[Tensor]:
    """Yield the tensors of an answer: of lists and mappings, those in them."""
    if isinstance(node, Tensor):
        yield node
    elif isinstance(node, Mapping | list | tuple):
        for inner in node.values() if isinstance(node, Mapping) else node:
            yield from tensors(inner)


def pulls(values: Mapping[str, Tensor], places: Sequence[Tensor]) -> dict[str, Tensor]:
    """Return the norm of each value's gradient at `places`, as one process with the whole batch would have it."""
    if not values or not places:
        return {}
    squares = torch.stack([square(gradients_at(value, places), like=value) for value in values.values()])
    # Each rank's value is the mean over its own part of the batch.
    norms = summed(squares).sqrt() / world_size()
    return dict(zip(values, norms.unbind(), strict=True))


class Balance:
    """The weights of balanced terms (as of Défossez et al. 2022; Esser et al. 2021 have one of its kind).

    A term of share s weighs s · ‖g‖ / ‖g_term‖ and at most `LARGEST`, g being the gradient of the other weighted terms
    together. Norms are compared at the answers that all of them depend on, or else at the last of the generator's
    parameters that they share. Both are root mean squares over the past updates of the phase, moving means corrected
    for their start. Only updates before the present one count, so that weights are the same however a batch is cut into
    processes or accumulated; the first update of a phase measures, and gives the balanced terms no weight.
    """

    def __init__(self, terms: Sequence[Term]) -> None:
        self.shares = {term.name: term.balance for term in terms if term.balance is not None}
        self.phase: str | None = None
        self.clear()

    def clear(self) -> None:
        self.updates, self.batches = 0, 0
        self.means: dict[str, Tensor] = {}
        self.squares: dict[str, Tensor] = {}
        self.sums: dict[str, Tensor] = {}
        # Index of the parameter that is compared at, and whether answers are separate, once that has been looked for.
        self.parameter: int | None = None
        self.apart: bool | None = None

    def begin(self, phase: str) -> None:
        """Begin an iteration; another phase than before begins without a past."""
        if phase != self.phase:
            self.phase = phase
            self.clear()

    def weight(self, name: str, device: torch.device) -> Tensor:
        """Return a term's weight, a scalar on the device."""
        if not self.updates:
            return torch.zeros((), device=device)
        corrected = 1.0 - DECAY**self.updates
        others, own = (self.means[key] / corrected for key in (OTHERS, name))
        ratio = (others / own.clamp(min=torch.finfo(own.dtype).tiny)).sqrt()
        return (self.shares[name] * ratio).clamp(max=LARGEST)

    def measure(
        self, values: Mapping[str, Tensor], others: Tensor, places: Sequence[Tensor], generator: nn.Module
    ) -> Gradients:
        """Note the gradients of one batch: of each balanced term's value, and of the `others`' weighted sum.

        Returns them, by name, at each of the `places`.
        """
        roots = {OTHERS: others, **values}
        self.batches += 1
        found = {name: gradients_at(root, places) for name, root in roots.items()}
        if not all(root.requires_grad for root in roots.values()):
            return found
        shared = [k for k in range(len(places)) if all(own[k] is not None for own in found.values())]
        if shared:
            for name, own in found.items():
                # Summed over ranks here, so that what the first of them saves is what all have.
                add(self.squares, name, summed(square([own[k] for k in shared], like=roots[name])))
        else:
            for name, gradient in self.at_parameter(roots, generator).items():
                add(self.sums, name, summed(gradient))
        return found

    def separate(self, places: Sequence[Tensor]) -> bool:
        """Whether no answer was computed from another one, so that gradients at them can be summed; looked at once."""
        if self.apart is None:
            self.apart = all(
                gradient is None
                for place in places
                for gradient in gradients_at(place.float().sum(), [other for other in places if other is not place])
            )
        return self.apart

    def at_parameter(self, roots: Mapping[str, Tensor], generator: nn.Module) -> dict[str, Tensor]:
        """Return each root's gradient at the last of the generator's parameters that all depend on; or none."""
        weights = [weight for weight in generator.parameters() if weight.requires_grad]
        tried = reversed(range(len(weights))) if self.parameter is None else [self.parameter]
        for number in tried:
            found = {name: gradients_at(root, [weights[number]])[0] for name, root in roots.items()}
            if all(gradient is not None for gradient in found.values()):
                self.parameter = number
                return {name: gradient for name, gradient in found.items() if gradient is not None}
        return {}

    def close(self) -> None:
        """End an update: what its batches, on all ranks, have shown goes into the moving means."""
        # The gradient of the mean over R ranks and k batches is the (R k)th part of the sum of their gradients.
        parts = world_size() * self.batches
        found = {name: own / parts**2 for name, own in self.squares.items()}
        found |= {name: (own / parts).square().sum() for name, own in self.sums.items()}
        for name in (OTHERS, *self.shares):
            if found or name in self.means:
                zero = torch.zeros_like(next(iter((found or self.means).values())))
                self.means[name] = DECAY * self.means.get(name, zero) + (1.0 - DECAY) * found.get(name, zero)
        self.updates += bool(self.means)
        self.batches, self.squares, self.sums = 0, {}, {}

    def state(self) -> BalanceState:
        """Return what weights to come depend on."""
        return {
            "phase": self.phase,
            "updates": self.updates,
            "batches": self.batches,
            "means": dict(self.means),
            "squares": dict(self.squares),
            "sums": dict(self.sums),
        }

    def restore(self, state: BalanceState, device: torch.device) -> None:
        self.clear()
        if set(state["means"]) | {OTHERS} != {OTHERS, *self.shares} and state["means"]:
            # Of other balanced terms, as where a run goes on under other settings: nothing is known of these yet.
            return
        self.phase, self.updates, self.batches = state["phase"], int(state["updates"]), int(state["batches"])
        self.means, self.squares, self.sums = (
            {name: value.to(device) for name, value in part.items()}
            for part in (state["means"], state["squares"], state["sums"])
        )


def gradients_at(root: Tensor, places: Sequence[Tensor]) -> list[Tensor | None]:
    """Return d root / d place for each place; None where root does not depend on it."""
    if not places or not root.requires_grad:
        return [None] * len(places)
    return list(torch.autograd.grad(root, places, retain_graph=True, allow_unused=True))


def through(places: Sequence[Tensor], gradients: Gradients, weights: Mapping[str, Tensor], value: Tensor) -> Tensor:
    """Return a scalar of this value whose gradient at each place is the weighted sum of the measured ones.

    So what lies behind the places (a discriminator, say) is gone back through once for each term, and not once more for
    their sum. The `OTHERS` weigh 1.
    """
    parts = []
    for number, place in enumerate(places):
        found = {name: own[number] for name, own in gradients.items()}
        pulled = [
            gradient if name == OTHERS else weights[name] * gradient
            for name, gradient in found.items()
            if gradient is not None
        ]
        if pulled:
            parts.append((place * torch.stack(pulled).sum(0)).sum())
    total = torch.stack([part.float() for part in parts]).sum()
    return total + (value - total).detach()


def square(gradients: Sequence[Tensor | None], like: Tensor) -> Tensor:
    """Return the sum of squares of some gradients, a scalar in full precision on the device of `like`."""
    norms = [gradient.float().square().sum() for gradient in gradients if gradient is not None]
    return torch.stack(norms).sum() if norms else torch.zeros((), device=like.device)


def add(sums: dict[str, Tensor], name: str, value: Tensor) -> None:
    sums[name] = sums[name] + value if name in sums else value
