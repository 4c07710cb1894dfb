"""The terms of a run, from its config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from henkan.config.build import build
from henkan.errors import UserError
from henkan.sample import PAIRED
from henkan.terms.function import Function
from henkan.terms.term import Loss, Term

SETTINGS_OF_THE_TERM = ("reads", "weight", "stream", "against")


def build_terms(loss: Mapping[str, Any], balance: Mapping[str, float | None] | None = None) -> list[Term]:
    """Build the terms of the config's `loss` mapping, in the order of their names, whatever order they were chosen in.

    `balance` says of some at what share of the others' pull they are held, in place of their weight.
    """
    shares = balance or {}
    terms = []
    for name, node in sorted(loss.items()):
        settings = {key: value for key, value in node.items() if key not in SETTINGS_OF_THE_TERM}
        if "_target_" not in settings:
            raise UserError(
                f"loss.{name} has settings but no _target_: it was not chosen; write loss=[...,{name}] or drop them"
            )
        built = build(settings)
        own = built if isinstance(built, Loss) else Function(str(name), built, node.get("reads"))
        stream = str(node.get("stream") or PAIRED)
        against = str(node.get("against") or stream)
        terms.append(Term(str(name), own, float(node.get("weight", 1.0)), stream, against, shares.get(name)))
    return terms


def check_terms(terms: Sequence[Term]) -> None:
    """Raise `UserError` for terms that cannot be without others, or not beside them.

    A term on a discriminator that no objective trains, objectives that judge different pictures, and a balance of what
    the generator does not feel.
    """
    idle = [term.name for term in terms if term.loss.judges and "discriminator" not in term.loss.teaches]
    if idle and not any("discriminator" in term.loss.teaches for term in terms):
        raise UserError(f"{idle[0]} needs a discriminator, but no term trains one: loss=[...,adversarial,{idle[0]}]")
    judged_picture(terms)
    for term in terms:
        if term.balance is None:
            continue
        if term.balance <= 0 or "generator" not in term.loss.weighs:
            raise UserError(f"balance.{term.name}={term.balance} must be above 0, of a term that the generator feels")


def judged_picture(terms: Sequence[Term]) -> str:
    """Return which picture of a sample a discriminator is shown as made: `output`, where no term says otherwise."""
    found = {term.loss.fake: term.name for term in terms if term.loss.fake is not None}
    if len(found) > 1:
        raise UserError(
            f"the objectives {list(found.values())} judge different pictures of a sample: choose one of them"
        )
    return next(iter(found), "output") or "output"
