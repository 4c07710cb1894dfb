"""Checks a composed config before anything is loaded or built."""

from __future__ import annotations

import typing
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from henkan.config import resolved
from henkan.config.explain import suggestion
from henkan.config.signatures import bind, check_nulls, check_reads, described, fits, options, targets
from henkan.errors import UserError

PRECISIONS = ("auto", "32-true", "bf16-mixed")
# What the framework reads in the nodes of a group; the rest goes to the constructor.
FRAMEWORKS_OWN = {"loss": {"reads", "weight", "stream", "against"}, "metric": {"reads", "better"}}
# Groups of which code alone says which keys there are.
CLOSED: dict[str, Any] = {
    "trainer": resolved.Trainer,
    "optimizer": resolved.Optimizer,
    "average": resolved.Average,
    "checkpoint": resolved.Checkpoint,
    "validation": resolved.Validation,
    "evaluation": resolved.Evaluation,
}

# What is not held to its type: what has a check of its own, and names, which are words also where they read as numbers.
UNSETTLED = ("trainer.precision", "recipe", "study", "variant", "swept")


def check_config(cfg: DictConfig) -> None:
    """Check a composed config before anything is loaded or built.

    Raises `UserError` for a key that nothing reads, a loss term without `_target_`, a `_target_` that does not exist,
    settings that its signature does not have, lacks or whose type does not fit; OmegaConf's own errors for values that
    are missing.
    """
    written = OmegaConf.to_container(cfg)
    assert isinstance(written, dict)
    check_keys(written)
    plain = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    assert isinstance(plain, dict)
    check_precision(plain.get("trainer") or {})
    check_values(plain)
    for name, node in (plain.get("loss") or {}).items():
        if not isinstance(node, Mapping) or "_target_" not in node:
            raise UserError(
                f"loss.{name} has settings but no _target_: it was not chosen; write loss=[...,{name}], or drop them"
            )
        if misfit("", weight := node.get("weight", 1.0), float) is not None:
            raise UserError(f"weights.{name}={shown(weight)} does not fit: it takes a number; 0 switches {name} off")
    nodes = dict(targets(written))
    for path, node in targets(plain):
        group, _, rest = path.partition(".")
        reserved = FRAMEWORKS_OWN.get(group, set()) if rest and "." not in rest else set()
        bind(path, node, reserved)
        if "reads" in reserved and node.get("reads"):
            check_reads(path, node)
        check_nulls(path, node, nodes.get(path, {}))


def check_whole(cfg: DictConfig, without: Collection[str] = ()) -> None:
    """Raise `UserError` where a run's config lacks what every run has, as after ~augmentation, but for some."""
    for key in resolved.required():
        if key not in cfg and key not in without:
            raise UserError(f"there is no {key}: choose one, {key}=…")


def check_keys(written: Mapping[Any, Any]) -> None:
    """Raise `UserError` for a key that nothing reads, or that is missing, where code alone says which there are."""
    for path, kind, node in closed(written):
        if not isinstance(node, Mapping):
            continue
        known = typing.get_type_hints(kind, include_extras=True)
        for key in node.keys() - known.keys():
            raise UserError(f"nothing reads {path}.{key}{suggestion(str(key), known)}")
        for key, hint in known.items():
            if key not in node and typing.get_origin(hint) is not typing.NotRequired:
                raise UserError(f"{path} has no {key}: say +{path}.{key}=…")


def closed(config: Mapping[Any, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield path, type and value of each node of which code alone says which keys there are."""
    yield from ((name, kind, config[name]) for name, kind in CLOSED.items() if name in config)
    if isinstance(checkpoint := config.get("checkpoint"), Mapping) and "keep" in checkpoint:
        yield "checkpoint.keep", resolved.Keep, checkpoint["keep"]
    for group, kind in (("schedule", resolved.Phase), ("streams", resolved.Stream)):
        yield from ((f"{group}.{name}", kind, node) for name, node in (config.get(group) or {}).items())


def check_values(plain: Mapping[Any, Any]) -> None:
    """Raise `UserError` for a value of another kind than the code that reads it takes, null where it takes none too."""
    for path, kind, node in (("", resolved.Config, plain), *closed(plain)):
        hints = typing.get_type_hints(kind)
        if not isinstance(node, Mapping):
            raise UserError(f"{path}={shown(node)} does not fit: it has settings, {', '.join(hints)}")
        for key, hint in hints.items():
            place = f"{path}.{key}" if path else key
            if key in node and place not in UNSETTLED and (found := misfit(place, node[key], hint)) is not None:
                where, value, wanted = found
                words = [str(word) for one in options(wanted) for word in literals(one)]
                near = suggestion(str(value), words) if words else ""
                raise UserError(f"{where}={shown(value)} does not fit: it takes {described(wanted)}{near}")


def misfit(place: str, value: Any, hint: Any) -> tuple[str, Any, Any] | None:
    """Return the place, value and hint of what does not fit a type hint, null included; None where all does."""
    for option in options(hint):
        origin, arguments = typing.get_origin(option), typing.get_args(option)
        if not isinstance(origin, type) or not arguments:
            continue
        if isinstance(value, Mapping) and issubclass(origin, Mapping):
            parts = [(f"{place}.{name}", one) for name, one in value.items()]
        elif isinstance(value, list) and issubclass(origin, Sequence):
            parts = [(f"{place}[{number}]", one) for number, one in enumerate(value)]
        else:
            continue
        return next((found for where, one in parts if (found := misfit(where, one, arguments[-1])) is not None), None)
    if typing.is_typeddict(hint) or (value is None and {Any, type(None)} & set(options(hint))):
        # A node with settings of its own comes by itself.
        return None
    return None if value is not None and fits(value, hint) else (place, value, hint)


def literals(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) is typing.Literal else ()


def shown(value: Any) -> str:
    """Return a value as a person has written it."""
    return "null" if value is None else str(value)


def check_precision(trainer: Mapping[str, Any]) -> None:
    """Raise `UserError` for a precision that nothing here trains well in."""
    precision = trainer.get("precision", "auto")
    if str(precision).startswith("16"):
        raise UserError(
            f"trainer.precision={precision}: float16 needs its gradients scaled, clipping would take them so with "
            "fused optimizers, and a CPU would train in bfloat16; take bf16-mixed, which needs no scaling, or 32-true"
        )
    if precision not in PRECISIONS:
        raise UserError(f"trainer.precision={precision}: it is one of {', '.join(PRECISIONS)}")
