"""Weights under the names that other code has published them with, for the same network as it is built here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from henkan.errors import UserError

# What batch normalization counts, and older files do not have.
COUNT = "num_batches_tracked"


@dataclass(frozen=True)
class Theirs:
    """Which published layers a layer is made of: their outputs in turn.

    `halves_change_places`: of a transposed convolution whose input is two pictures side by side, in the other order.
    `bias`: what biases are multiplied by, where values there have another range than here.
    """

    layers: tuple[str, ...]
    halves_change_places: bool = False
    bias: float = 1.0


@runtime_checkable
class Published(Protocol):
    """A network that is known under other names too."""

    def published(self) -> Mapping[str, Theirs]:
        """Return for each layer with weights, by its name here, where they are in published files."""

    def state_dict(self) -> dict[str, Tensor]: ...


def translated(tensors: Mapping[str, Tensor], network: Published) -> dict[str, Tensor] | None:
    """Return published weights under the names that a network has here; None where no such names are found.

    Whatever stands before all names of the network (`generator.`, `module.`) is ignored, with all tensors that do not
    have it. What belongs to no layer, as a mean color, stays the network's own. Raises `UserError` for a tensor that is
    missing, and for one that the network has no place for.
    """
    layers, own = network.published(), network.state_dict()
    first = f"{next(iter(layers.values())).layers[0]}.weight"
    beginnings = sorted((name.removesuffix(first) for name in tensors if name.endswith(first)), key=len)
    if not beginnings:
        return None
    begin = beginnings[0]
    there = {name.removeprefix(begin): value for name, value in tensors.items() if name.startswith(begin)}
    found, read = {}, set()
    for name, value in own.items():
        layer, _, kind = name.rpartition(".")
        if not layer:
            found[name] = value
            continue
        theirs = layers[layer]
        names = [f"{one}.{kind}" for one in theirs.layers]
        if kind == COUNT and not all(one in there for one in names):
            found[name] = value
            continue
        if missing := [one for one in names if one not in there]:
            raise UserError(f"it lacks {begin}{missing[0]}")
        read.update(names)
        parts = [there[one] for one in names]
        whole = parts[0] if parts[0].ndim == 0 else torch.cat(parts)
        if theirs.halves_change_places and kind == "weight":
            whole = whole.roll(len(whole) // 2, 0)
        # Half precision is left first, which a product would be rounded to.
        found[name] = whole.to(value.dtype) * theirs.bias if kind == "bias" else whole.to(value.dtype)
    if surplus := sorted(there.keys() - read):
        raise UserError(f"it also has {begin}{surplus[0]}")
    return found
