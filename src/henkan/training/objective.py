"""The two losses of an iteration, summed over terms: the generator's and the discriminator's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

import torch
from torch import Tensor, nn

from henkan.networks.modes import without_gradient, without_trace
from henkan.sample import PAIRED, Detached, Sample
from henkan.terms.judge import Bench, Judge
from henkan.terms.step import Step
from henkan.terms.term import Term
from henkan.training.balance import Balance, answers, pulls, through
from henkan.training.tally import Tally

Samples = Mapping[str, Sample]
"""A sample of each stream, with the generator's output where that was needed."""


class Objective:
    """Sums what terms ask of the networks, and logs it. `seeded` sets the generators of chance for one term."""

    def __init__(
        self,
        terms: Sequence[Term],
        generator: nn.Module,
        bench: Bench | None,
        tally: Tally,
        seeded: Callable[..., None],
    ) -> None:
        self.generator, self.bench, self.tally, self.seeded = generator, bench, tally, seeded
        self.balance = Balance(terms)

    def of_generator(
        self, samples: Samples, terms: Sequence[Term], iteration: int, observe: bool, measure: bool
    ) -> Tensor:
        """Return the sum of the weighted terms.

        With `observe` terms of weight 0 are evaluated too, and all pulls are logged; with `measure` the losses are
        logged, and the balance takes note of this batch.
        """
        raw: Tensor = samples[PAIRED]["raw"]
        values = self.values(samples, [term for term in terms if term.pulls or observe])
        found = [term for term in terms if term.name in values]
        weights: dict[str, float | Tensor] = {
            term.name: term.weight if term.balance is None else self.balance.weight(term.name, raw.device)
            for term in found
        }
        total, balanced = raw.new_zeros(()), {}
        for term in found:
            value = values[term.name]
            weighted = weights[term.name] * value
            if measure:
                self.tally.add(f"loss/{term.name}", value)
                self.tally.add(f"weighted/{term.name}", weighted)
            if term.pulls:
                self.tally.watch(f"loss term {term.name}", value, iteration)
            if term.balance is not None:
                balanced[term.name] = value
            elif term.weight:
                total = total + weighted
        if observe:
            self.observe(values, weights, found, samples)
        if balanced and measure and total.requires_grad:
            places, shares = answers(samples), {name: torch.as_tensor(weights[name]) for name in balanced}
            gradients = self.balance.measure(balanced, total, places, self.generator)
            value = total + sum(shares[name] * value for name, value in balanced.items())
            total = through(places, gradients, shares, value) if self.balance.separate(places) else value
        else:
            for name, value in balanced.items():
                total = total + weights[name] * value
        if not total.requires_grad:  # every weight is 0: nothing pulls, and the step moves nothing
            total = total + 0.0 * raw.sum()
        if measure:
            self.tally.add("loss/generator", total)
        return total

    def values(self, samples: Samples, terms: Sequence[Term]) -> dict[str, Tensor]:
        """Return the unweighted value of each term that asks something of the generator."""
        values: dict[str, Tensor] = {}
        with ExitStack() as modes:
            judge = None
            if self.bench is not None:
                modes.enter_context(without_gradient(self.bench.discriminator))
                modes.enter_context(without_trace(self.bench.discriminator))
                judge = Judge(self.bench, samples, together=any(term.loss.compares for term in terms if term.pulls))
            # Those that are only observed last: what all of them share is drawn as though these were not there.
            for term in sorted(terms, key=lambda term: not term.pulls):
                self.seeded("term", term.name)
                value = term.loss.for_generator(self.step(term, samples, judge))
                if value is not None:
                    values[term.name] = value.mean()
        return values

    def observe(
        self,
        values: Mapping[str, Tensor],
        weights: Mapping[str, float | Tensor],
        terms: Sequence[Term],
        samples: Samples,
    ) -> None:
        """Log how strongly each term pulls, and the weighted ratio by which GLCIC picks α."""
        found = pulls({name: value for name, value in values.items() if value.requires_grad}, answers(samples))
        sides: dict[bool, list[Tensor]] = {True: [], False: []}
        for term in terms:
            if term.name in found:
                self.tally.add(f"gradient/{term.name}", found[term.name])
                sides["discriminator" in term.loss.teaches].append(weights[term.name] * found[term.name])
            if term.balance is not None:
                self.tally.add(f"balance/{term.name}", torch.as_tensor(weights[term.name]))
        if sides[True] and sides[False]:
            adversarial, other = (torch.stack(sides[side]).sum() for side in (True, False))
            self.tally.add("gradient/ratio", adversarial / other.clamp(min=1e-20))

    def of_discriminator(
        self,
        samples: Samples,
        terms: Sequence[Term],
        iteration: int,
        updates: int,
        unseen: Callable[[], Sample] | None = None,
    ) -> Tensor:
        """Return the sum of what terms ask of the discriminator, after so many of its updates."""
        assert self.bench is not None
        detached = {name: Detached(sample) for name, sample in samples.items()}
        judge = Judge(self.bench, detached, together=True, unseen=unseen)
        total: Tensor = samples[PAIRED]["target"].new_zeros(())
        for term in terms:
            self.seeded("discriminator", term.name)
            value = term.loss.for_discriminator(self.step(term, detached, judge, updates))
            if value is not None:
                self.tally.watch(f"the discriminator's {term.name}", value.mean(), iteration)
                total = total + value.mean()
        return total

    def step(self, term: Term, samples: Samples, judge: Judge | None, updates: int = 0) -> Step:
        """Return the iteration as a term sees it."""
        return Step(
            term.name,
            samples,
            self.tally.add,
            weight=term.weight,
            stream=term.stream,
            against=term.against,
            judge=judge,
            updates=updates,
        )
