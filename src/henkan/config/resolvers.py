"""OmegaConf resolvers: how recipes state the paper's numbers and let `scale` shrink them.

`${at_scale:size,256}`            the scale's own `size`, or 256 where the scale says null (as in the paper)
`${at_scale:small.size,96}`       the same of its `small`, for networks that work on small pictures
`${scaled:96,256,${size}}`        96 pixels of a 256-pixel picture, at the present size
`${iterations:90_000}`            the paper's iterations times `scale.iterations`, at least 2 a phase
`${iterations:90_000,small}`      the same times `scale.small.iterations`
`${steps:1_000}`                  the same for one picture, which needs its steps at any scale: by the factor's root
`${times:1e-4,10}`                a product
`${enlargement:}`                 how many times smaller sources are: the degradation's `scale`, or the data's, else 1
`${updates:generator}`            how many optimizer steps that network takes in the whole schedule
`${steps_after:[1000,2000]}`      how many it has taken after so many of its iterations; of one number, at least 1
`${fraction:50}`                  a 50th of the whole schedule's iterations, in steps of 500, at least 500
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from inspect import signature
from typing import Any

from omegaconf import DictConfig, OmegaConf

from henkan.config.signatures import locate


def at_scale(key: str, paper: Any, *, _root_: DictConfig) -> Any:
    """Return `scale.<key>`, or the paper's value where the scale leaves it null."""
    value = OmegaConf.select(_root_.scale, key)
    return paper if value is None else value


def scaled(length: float, reference: int, size: int) -> int:
    """Return a length given in a picture of side `reference`, in one of side `size`: whole pixels, at least 1."""
    return max(1, round(length * size / reference))


def iterations(paper: int, of: str | None = None, *, _root_: DictConfig) -> int:
    """Return the paper's number of iterations times the scale's factor, or that `of` a part of it; at least 2."""
    scale = _root_.scale if of is None else _root_.scale[of]
    return max(2, round(paper * float(scale.iterations)))


def times(number: float, factor: float) -> float:
    """Return a product."""
    return float(number) * float(factor)


def steps(paper: int, *, _root_: DictConfig) -> int:
    """Return the paper's number of iterations times the square root of the scale's factor, at least 2."""
    return max(2, round(paper * math.sqrt(_root_.scale.iterations)))


def enlargement(*, _root_: DictConfig) -> int:
    """Return how many times smaller sources are than targets: the degradation makes them so, or the data."""
    given = (OmegaConf.select(_root_, f"{group}.scale") for group in ("degradation", "data"))
    return next((int(scale) for scale in given if scale is not None), 1)


def updates(network: str, *, _root_: DictConfig) -> int:
    """Return how many optimizer steps `network` takes in the whole schedule."""
    total = 0
    for phase in _root_.schedule.values():
        if network in phase["update"]:
            total += batches(phase, _root_) if network == "discriminator" else phase["iterations"]
    return int(total // _root_.optimizer.accumulate)


def batches(phase: DictConfig, root: DictConfig) -> int:
    """Return how many iterations a phase has in all, those that update the discriminator alone included."""
    if not {"generator", "discriminator"} <= set(phase["update"]):
        return int(phase["iterations"])
    named = phase.get("terms")
    found = [term for name, term in (root.get("loss") or {}).items() if named is None or name in named]
    return int(phase["iterations"]) * (phase.get("discriminator_updates") or max(map(asked, found), default=1))


def asked(term: DictConfig) -> int:
    """Return how many updates of the discriminator a term wants for one of the generator: it says so, or its class."""
    key = "discriminator_updates"
    said = term.get(key)
    if said is None and "_target_" in term:
        kind = locate("loss", str(term["_target_"]))
        parameter = signature(kind).parameters.get(key)
        said = getattr(kind, key, None) if parameter is None else parameter.default
    return said if isinstance(said, int) else 1


def steps_after(iterations: int | Sequence[int], *, _root_: DictConfig) -> int | list[int]:
    """Return how many optimizer steps have been taken after a network's iterations, or each of some numbers of them."""
    if isinstance(iterations, int):
        return max(1, iterations // int(_root_.optimizer.accumulate))
    return [int(number) // _root_.optimizer.accumulate for number in iterations]


def fraction(parts: int | None, *, _root_: DictConfig) -> int | None:
    """Return how many iterations one of `parts` equal parts of the schedule has: a multiple of 500, at least 500."""
    if parts is None:
        return None
    whole = sum(batches(phase, _root_) for phase in _root_.schedule.values())
    return max(500, whole // parts // 500 * 500)


def total(*numbers: int | None) -> int | None:
    """Return the sum of whole numbers; null where one of them is left open."""
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None


for _resolver in (at_scale, scaled, iterations, steps, updates, steps_after, fraction, total, times, enlargement):
    OmegaConf.register_new_resolver(_resolver.__name__, _resolver, replace=True)
