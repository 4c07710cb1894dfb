"""What a degradation is: a sampler of parameters and an operator, apart."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from henkan.config.resolved import Node
from henkan.sample import Parameters, Sample

if TYPE_CHECKING:
    from henkan.data.strokes import Strokes


class Degradation(ABC):
    """Makes the `source` of a sample from its `target`. `whole`: only of pictures that are neither cut nor mirrored."""

    whole = False

    @abstractmethod
    def draw(self, target: NDArray[np.uint8], rng: np.random.Generator, name: str = "") -> Parameters:
        """Return the parameters for one `target` (H, W, C), by sample key: pure, in the worker.

        `name` is the picture's relative path, for parameters that are looked up.
        """

    def draw_strokes(
        self, strokes: Strokes, target: NDArray[np.uint8], rng: np.random.Generator, name: str = ""
    ) -> Parameters:
        """Return the parameters for one drawing whose strokes are known: by default those of its pixels."""
        return self.draw(target, rng, name)

    @abstractmethod
    def apply(self, sample: Sample) -> Sample:
        """Return the batch with `source` (B, C, H, W) in [0, 1]: batched, on the device, without chance."""

    def lacking(self, names: Sequence[str]) -> list[str]:
        """Return which of some pictures have no parameters, where these are looked up by the pictures' names."""
        return []

    def check(self) -> None:
        """Raise `UserError` where the files that parameters are drawn from would end a run; called before the first
        iteration.
        """
        return

    def describe(self, row: Sequence[float]) -> dict[str, object] | None:
        """Return in words what a sample's row of `parameters` says, where samples have one."""
        return None

    def manifest(self) -> str | None:
        """Return a hash of the files that parameters are drawn from, where there are such."""
        return None

    def manifest_of(self, names: Collection[str]) -> str | None:
        """Return the same of the files that parameters of some pictures are drawn from, where names tell which."""
        return self.manifest()


def never_clean(degradation: Node) -> Node:
    """Return a degradation that leaves no sample as it is: the share that stays clean is one of training's pairs.

    So of one that another is made of, too.
    """
    found = {name: never_clean(value) if isinstance(value, Mapping) else value for name, value in degradation.items()}
    return {**found, "clean": 0.0} if "clean" in found else found
