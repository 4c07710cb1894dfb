"""Checks what a search or a sweeper is to make better: names that runs log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from omegaconf import OmegaConf

from henkan.config.explain import suggestion
from henkan.config.resolved import Node
from henkan.config.signatures import locate
from henkan.errors import UserError

# What a run logs beside its validation: the columns of `metrics.csv` by their beginnings.
LOGGED = ("balance", "clipped", "discriminator", "gradient", "learning_rate", "loss", "weighted")


def check_objectives(names: Iterable[str], metric: Mapping[str, Node]) -> None:
    """Raise `UserError` for an objective that validation does not log, whatever is trained."""
    known = [f"val/{name}" for name, node in metric.items() if not is_of_a_set(name, node)]
    for name in names:
        if name not in known:
            of_a_set = name.startswith("val/") and name.removeprefix("val/") in metric
            why = ": validation takes no scores of a whole set" if of_a_set else suggestion(name, known)
            raise UserError(f"no run logs {name}{why}; validation logs {', '.join(known) or 'nothing'}")


def check_returned(objective: str | Sequence[str], metric: Mapping[str, Node], direction: Any = None) -> None:
    """Raise `UserError` for an objective that no run logs, or that a sweeper's `direction` would make worse."""
    names = [objective] if isinstance(objective, str) else [str(name) for name in objective]
    check_objectives((name for name in names if name.partition("/")[0] not in LOGGED), metric)
    if direction is None:
        return
    # One of Optuna's is a Direction.maximize where nobody has said it.
    said = [str(one).rpartition(".")[2] for one in (direction if OmegaConf.is_list(direction) else [direction])]
    if len(said) != len(names):
        raise UserError(
            f"objective={objective} is {len(names)} and hydra.sweeper.direction={','.join(said)} is {len(said)}: say "
            "one for each, as in hydra.sweeper.direction=[maximize,minimize]"
        )
    for name, one in zip(names, said, strict=True):
        better = metric.get(name.removeprefix("val/"), {}).get("better")
        wanted = {"higher": "maximize", "lower": "minimize"}.get(str(better), one)
        if one != wanted:
            raise UserError(f"{name} is better {better}: say hydra.sweeper.direction={wanted}, not {one}")


def is_of_a_set(name: str, node: Node) -> bool:
    """Whether a metric scores a whole set of pictures (see `henkan.metrics.set_metric`): only those have `compute`."""
    return hasattr(locate(f"metric.{name}", str(node["_target_"])), "compute")
