"""No degradation: the data bring their own source."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from henkan.degradations.degradation import Degradation


class Identity(Degradation):
    """Shows the companion `source` of paired data, or the target itself where there is none.

    Nothing of the target is known, so `mask` is 1 everywhere, and `window` and `window_real` are two random
    places.
    """

    def draw(self, target: NDArray[np.uint8], rng: np.random.Generator, name: str = "") -> dict[str, Any]:
        height, width = target.shape[:2]
        places = rng.integers(0, (height, width), (2, 2))
        return {"mask": np.ones((1, height, width), np.uint8), "window": places[0], "window_real": places[1]}

    def apply(self, sample: dict[str, Any]) -> dict[str, Any]:
        return sample if "source" in sample else {**sample, "source": sample["target"]}
