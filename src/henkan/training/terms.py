"""Named loss terms: a function, its weight, and the keys of the sample that its arguments read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from torch import Tensor

from henkan.build import build
from henkan.errors import UserError
from henkan.losses.adversarial import Adversarial
from henkan.losses.penalty import Penalty
from henkan.sample import Sample, named_arguments
from henkan.training.schedule import Phase

SETTINGS_OF_THE_TERM = ("reads", "weight")


@dataclass(frozen=True)
class Term:
    """One named loss. `function` is an `Adversarial` objective, a `Penalty` on the discriminator, or any callable.

    A callable's arguments are filled from the sample as `reads` says (argument -> key); it returns one value per
    picture, or a scalar where the objective is one of the batch.
    """

    name: str
    function: Callable[..., Any] | Adversarial | Penalty
    weight: float = 1.0
    reads: Mapping[str, str] = field(default_factory=dict)

    @property
    def needs_discriminator(self) -> bool:
        return isinstance(self.function, Adversarial | Penalty)

    @cached_property
    def arguments(self) -> dict[str, bool]:
        """The names of the function's arguments, and whether each must be given."""
        assert callable(self.function)
        return named_arguments(self.function)

    def value(self, sample: Sample) -> Tensor:
        """Return the unweighted value, a scalar: the mean over pictures."""
        assert callable(self.function)
        value: Tensor = self.function(**read(self.name, self.arguments, self.reads, sample))
        return value.float().mean()


def read(name: str, required: Mapping[str, bool], reads: Mapping[str, str], sample: Sample) -> dict[str, Any]:
    """Return arguments out of the sample; a key that is absent is left to the argument's default, if it has one."""
    absent = [key for argument, key in reads.items() if required.get(argument, True) and key not in sample]
    if absent:
        raise UserError(f"{name} reads {absent[0]!r}, which this sample does not have; it has {sorted(sample)}")
    return {argument: sample[key] for argument, key in reads.items() if key in sample}


def default_reads(function: Callable[..., Any]) -> dict[str, str]:
    """Return the keys that arguments read when the config says nothing: their own name, `input` reads `output`."""
    return {name: "output" if name == "input" else name for name in named_arguments(function)}


def build_terms(loss: Mapping[str, Any]) -> list[Term]:
    """Build the terms of the config's `loss` mapping."""
    terms = []
    for name, node in loss.items():
        settings = {key: value for key, value in node.items() if key not in SETTINGS_OF_THE_TERM}
        if "_target_" not in settings:
            raise UserError(
                f"loss.{name} has settings but no _target_: it was not chosen; write loss=[...,{name}] or drop them"
            )
        function = build(settings)
        named = not isinstance(function, Adversarial | Penalty)
        reads = node.get("reads") or (default_reads(function) if named else {})
        terms.append(Term(str(name), function, float(node.get("weight", 1.0)), dict(reads)))
    return terms


def active(terms: Sequence[Term], phase: Phase) -> list[Term]:
    """Return the terms that take part in a phase."""
    if phase.terms is not None:
        return [term for term in terms if term.name in phase.terms]
    judged = "discriminator" in phase.update
    return [term for term in terms if judged or not term.needs_discriminator]


def pulled(terms: Sequence[Term], phase: Phase) -> tuple[str, ...]:
    """Return the networks that some term of a phase has something to tell."""
    found = active(terms, phase)
    judged = any(isinstance(term.function, Adversarial) for term in found)
    guided = any(not isinstance(term.function, Penalty) for term in found)
    return tuple(name for name, pull in (("generator", guided), ("discriminator", judged)) if pull)


def check_terms(terms: Sequence[Term]) -> None:
    """Raise `UserError` for a penalty on a discriminator that no objective trains."""
    penalties = [term.name for term in terms if isinstance(term.function, Penalty)]
    if penalties and not any(isinstance(term.function, Adversarial) for term in terms):
        raise UserError(
            f"{penalties[0]} penalizes a discriminator, but no term trains one: loss=[...,adversarial,{penalties[0]}]"
        )
