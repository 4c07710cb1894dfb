"""Which checkpoints stay beside the last one. The curves and the files are all that it goes by, but for a clock."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from henkan.config.objectives import is_of_a_set
from henkan.errors import UserError
from henkan.training.recorder import Row

VALIDATION = "val/"


@dataclass(frozen=True)
class Keeping:
    """A checkpoint stays at each multiple of `every`, and where `score` was among the `best` so far.

    And one every so many `minutes`, which the curves do not tell: whoever has the clock keeps it for good. Of equal
    scores the earlier one is better. What is among the best is known once `validated` iterations are over.
    """

    every: int | None = None
    best: int = 0
    score: str = ""
    higher: bool = True
    validated: int = 1
    minutes: float | None = None

    def due(self, iteration: int) -> bool:
        """Whether the checkpoint of an iteration may have to stay, which every process knows."""
        return bool(self.every and not iteration % self.every) or bool(self.best and not iteration % self.validated)

    def staying(self, iterations: Collection[int], rows: Iterable[Row]) -> set[int]:
        """Return which of these iterations' checkpoints stay; `rows` are the curves that led to the last of them."""
        scores = {
            int(row["iteration"]): float(row[self.score])
            for row in rows
            if row["iteration"] in iterations and math.isfinite(float(row.get(self.score, math.nan)))
        }
        ranked = sorted(scores, key=lambda iteration: (scores[iteration] * (-1 if self.higher else 1), iteration))
        return {*ranked[: self.best], *(each for each in iterations if self.every and not each % self.every)}


def keeping(config: Mapping[str, Any]) -> Keeping:
    """Read `checkpoint.keep`. Raises `UserError` for a score that is not taken or has no better direction."""
    node, validated = config["checkpoint"]["keep"], config["validation"]["every"]
    score, best = str(node["score"]), int(node["best"])
    # Validation has no scores of whole sets.
    ranked = {
        VALIDATION + name: metric["better"]
        for name, metric in config["metric"].items()
        if metric.get("better") in ("higher", "lower") and not is_of_a_set(name, metric)
    }
    if best and score not in ranked:
        raise UserError(f"checkpoint.keep.score={score} cannot be ranked; these can: {', '.join(ranked) or 'none'}")
    minutes = node.get("minutes")
    if minutes is not None and minutes <= 0:
        raise UserError(f"checkpoint.keep.minutes={minutes} must be above 0; null keeps none by the clock")
    return Keeping(node["every"], best, score, ranked.get(score) != "lower", validated, minutes)
