"""Named loss terms: a function, its weight, and the keys of the sample that its arguments read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from torch import Tensor

from henkan.config.build import build
from henkan.errors import UserError
from henkan.losses.adversarial import Adversarial
from henkan.losses.feature_matching import FeatureMatching
from henkan.losses.penalty import Penalty
from henkan.sample import Sample, default_reads, named_arguments, read
from henkan.training.schedule import Phase

SETTINGS_OF_THE_TERM = ("reads", "weight", "stream", "against")
PAIRED = "paired"
"""The stream of pairs: the one that every run has."""


NEED_DISCRIMINATOR = (Adversarial, Penalty, FeatureMatching)


@dataclass(frozen=True)
class Term:
    """One named loss.

    `function` is an `Adversarial` objective, a `Penalty` on the discriminator, `FeatureMatching`, or any callable.

    A callable's arguments are filled from the sample as `reads` says (argument -> key); it returns one value per
    picture, or a scalar where the objective is one of the batch. `stream` names the stream that the term is about; what
    needs a discriminator takes its real pictures from the stream `against`.
    """

    name: str
    function: Callable[..., Any] | Adversarial | Penalty | FeatureMatching
    weight: float = 1.0
    reads: Mapping[str, str] = field(default_factory=dict)
    stream: str = PAIRED
    against: str = PAIRED

    @property
    def needs_discriminator(self) -> bool:
        return isinstance(self.function, NEED_DISCRIMINATOR)

    @cached_property
    def labels_by_mask(self) -> bool:
        """Whether the discriminator's face of an objective asks for the mask."""
        return isinstance(self.function, Adversarial) and "mask" in named_arguments(self.function.discriminator)

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
        named = not isinstance(function, NEED_DISCRIMINATOR)
        reads = node.get("reads") or (default_reads(function) if named else {})
        stream = str(node.get("stream") or PAIRED)
        against = str(node.get("against") or stream)
        terms.append(Term(str(name), function, float(node.get("weight", 1.0)), dict(reads), stream, against))
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
    """Raise `UserError` for a term on a discriminator that no objective trains, and for objectives that disagree."""
    objectives = [term.function for term in terms if isinstance(term.function, Adversarial)]
    idle = [term.name for term in terms if term.needs_discriminator and not isinstance(term.function, Adversarial)]
    if idle and not objectives:
        raise UserError(f"{idle[0]} needs a discriminator, but no term trains one: loss=[...,adversarial,{idle[0]}]")
    if len({objective.judges for objective in objectives}) > 1:
        names = [term.name for term in terms if isinstance(term.function, Adversarial)]
        raise UserError(f"the objectives {names} judge different pictures of a sample: choose one of them")
