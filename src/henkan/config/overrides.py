"""What overrides say, and whether it fits what they change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from henkan.config.composition import compose_root
from henkan.config.history import spelled
from henkan.config.quoting import quote
from henkan.config.trees import group_options
from henkan.errors import UserError


def check_types(cfg: DictConfig, overrides: Sequence[str], root: str = "train") -> None:
    """Raise `UserError` for an override whose value is of another kind than the value it replaces.

    Whole numbers, numbers, truth values, lists and mappings are kinds, and a number may be whole; text and null may be
    replaced by anything, and `auto` and null may replace anything.
    """
    check_balance(overrides, cfg)
    chosen = [word for word in overrides if group_options(override_key(word))]
    changed = [override_key(word) for word in overrides if word not in chosen and word[0] not in "+~"]
    if not changed:
        return
    reference = compose_root(root, chosen)
    for key in changed:
        before, after = (OmegaConf.select(config, key, throw_on_missing=False) for config in (reference, cfg))
        if before is None or after is None or after == "auto" or kind(before) == "text":
            continue
        if kind(after) != kind(before) and (kind(before), kind(after)) != ("number", "whole number"):
            raise UserError(f"{key}={after} does not fit: it takes a {kind(before)}, as in {key}={before}")


def check_balance(overrides: Sequence[str], cfg: DictConfig | None = None) -> None:
    """Raise `UserError` where a term is given both a weight and a balance: one follows from the other.

    With the composed `cfg` also where a weight is given to what a recipe balances.
    """
    given = {override_key(word) for word in overrides if word.partition("=")[2] not in ("", "null")}
    for key in sorted(given):
        group, _, term = key.partition(".")
        balanced = None if cfg is None else OmegaConf.select(cfg, f"balance.{term}")
        if group == "weights" and balanced is not None and f"balance.{term}" not in given:
            raise UserError(
                f"{key} has no effect: balance.{term}={balanced} says how strong {term} is; take it back with "
                f"balance.{term}=null"
            )
        if group == "balance" and f"weights.{term}" in given:
            raise UserError(f"{key} and weights.{term} both say how strong {term} is: give one of them")


def override_key(word: str) -> str:
    """Return the key or group that an override is about."""
    return word.lstrip("+~").partition("=")[0].partition("@")[0]


def in_effect(words: Iterable[str]) -> dict[str, Any]:
    """Return the values of overrides by their keys, however they are written; of a key that is said twice the last."""
    return dict(map(key_and_value, words))


@cache
def key_and_value(word: str) -> tuple[str, Any]:
    """Return what an override is about, its package included, and its value; as written where that is no value."""
    key, _, value = word.lstrip("+").partition("=")
    try:
        return key, spelled(OverridesParser.create().parse_override(quote(word)).value())
    except HydraException:
        # Whoever composes with it says what is wrong.
        return key, value


def kind(value: Any) -> str:
    """Return what kind of value this is, in a word."""
    if isinstance(value, bool):
        return "truth value"
    if isinstance(value, int | float):
        return "whole number" if isinstance(value, int) else "number"
    if isinstance(value, str):
        return "text"
    return "mapping" if OmegaConf.is_dict(value) else "list"
