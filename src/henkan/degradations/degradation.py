"""What a degradation is: a sampler of parameters and an operator, apart."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Degradation(ABC):
    """Makes the `source` of a sample from its `target`."""

    @abstractmethod
    def draw(self, target: NDArray[np.uint8], rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """Return the parameters for one `target` (H, W, 3), by sample key: pure, in the worker."""

    @abstractmethod
    def apply(self, sample: dict[str, Any]) -> dict[str, Any]:
        """Return the batch with `source` (B, 3, H, W) in [0, 1]: batched, on the device, without chance."""
