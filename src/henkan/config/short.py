"""Terms of one's own in few words: a file of `conf/loss/` may hold `mine: {_target_: mine.Mine}` and no more.

In full it says, as henkan's own files do, that the term has a weight, which sweeps and studies set by its name:

    # @package _global_
    loss: {mine: {_target_: mine.Mine, weight: "${weights.mine}"}}
    weights: {mine: 1.0}
    balance: {mine: null}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

HEADER = "# @package _global_\n"


def in_full(config: Any) -> DictConfig | None:
    """Return terms in few words as they are in full; None for what is neither, and for a weight that is referred to."""
    plain = OmegaConf.to_container(config, resolve=False) if isinstance(config, DictConfig) else None
    if not plain or not isinstance(plain, dict):
        return None
    if not all(isinstance(node, dict) and "_target_" in node for node in plain.values()):
        return None
    weights = {name: node.get("weight", 1.0) for name, node in plain.items()}
    if not all(isinstance(weight, int | float) for weight in weights.values()):
        return None
    terms = {name: {**node, "weight": f"${{weights.{name!s}}}"} for name, node in plain.items()}
    return OmegaConf.create({"loss": terms, "weights": weights, "balance": dict.fromkeys(plain)})


def write_in_full(tree: Path) -> None:
    """Write the terms of a config tree in full where they are in few words."""
    for path in sorted((tree / "loss").glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        if "@package" not in text and (full := in_full(OmegaConf.create(text))) is not None:
            path.write_text(HEADER + OmegaConf.to_yaml(full), encoding="utf-8")
