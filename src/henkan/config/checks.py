"""Checks a composed config before anything is loaded or built."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from henkan.config import resolved
from henkan.config.explain import suggestion
from henkan.config.signatures import bind, check_reads, targets
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
    for name, node in (plain.get("loss") or {}).items():
        if not isinstance(node, Mapping) or "_target_" not in node:
            raise UserError(
                f"loss.{name} has settings but no _target_: it was not chosen; write loss=[...,{name}], or drop them"
            )
    for path, node in targets(plain):
        group, _, rest = path.partition(".")
        reserved = FRAMEWORKS_OWN.get(group, set()) if rest and "." not in rest else set()
        bind(path, node, reserved)
        if "reads" in reserved and node.get("reads"):
            check_reads(path, node)


def check_keys(written: Mapping[Any, Any]) -> None:
    """Raise `UserError` for a key that nothing reads, or that is missing, where code alone says which there are."""
    nodes: list[tuple[str, Any, Any]] = [(name, kind, written.get(name)) for name, kind in CLOSED.items()]
    nodes.append(("checkpoint.keep", resolved.Keep, (written.get("checkpoint") or {}).get("keep")))
    for group, kind in (("schedule", resolved.Phase), ("streams", resolved.Stream)):
        nodes += [(f"{group}.{name}", kind, node) for name, node in (written.get(group) or {}).items()]
    for path, kind, node in nodes:
        if not isinstance(node, Mapping):
            continue
        known = typing.get_type_hints(kind, include_extras=True)
        for key in node.keys() - known.keys():
            raise UserError(f"nothing reads {path}.{key}{suggestion(str(key), known)}")
        for key, hint in known.items():
            if key not in node and typing.get_origin(hint) is not typing.NotRequired:
                raise UserError(f"{path} has no {key}: say +{path}.{key}=…")


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
