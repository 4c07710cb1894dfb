"""A degradation the other way round: what it makes is what the network should make."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from henkan.data.strokes import Strokes
from henkan.degradations.degradation import Degradation
from henkan.sample import Parameters, Sample


class Reversed(Degradation):
    """Swaps `source` and `target` of a degradation: clean lines are given, and the pencil drawing is to be made."""

    def __init__(self, of: Degradation) -> None:
        self.of = of
        self.whole = of.whole

    def draw(self, target: NDArray[np.uint8], rng: np.random.Generator, name: str = "") -> Parameters:
        return self.of.draw(target, rng, name)

    def draw_strokes(
        self, strokes: Strokes, target: NDArray[np.uint8], rng: np.random.Generator, name: str = ""
    ) -> Parameters:
        return self.of.draw_strokes(strokes, target, rng, name)

    def apply(self, sample: Sample) -> Sample:
        made = self.of.apply(sample)
        return {**made, "source": made["target"], "target": made["source"]}

    def lacking(self, names: Sequence[str]) -> list[str]:
        return self.of.lacking(names)

    def check(self) -> None:
        self.of.check()

    def describe(self, row: Sequence[float]) -> dict[str, object] | None:
        return self.of.describe(row)

    def manifest(self) -> str | None:
        return self.of.manifest()

    def manifest_of(self, names: Collection[str]) -> str | None:
        return self.of.manifest_of(names)
