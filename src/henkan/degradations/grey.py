"""Color to grey: what colorization is learned from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from henkan import color
from henkan.degradations.degradation import Degradation
from henkan.sample import to_8_bit


class Grey(Degradation):
    """`source` (B, 1, H, W) is the grey picture that has the target's lightness L; both are kept beside it, as
    `target_lab` and, of the source itself, `lightness`.

    Rounded to 8 bits, as a grey photograph in a file is. `window` and `window_real` are two random places.
    """

    def draw(self, target: NDArray[np.uint8], rng: np.random.Generator, name: str = "") -> dict[str, Any]:
        places = rng.integers(0, target.shape[:2], (2, 2))
        return {"window": places[0], "window_real": places[1]}

    def apply(self, sample: dict[str, Any]) -> dict[str, Any]:
        target: Tensor = sample["target"]
        lab = color.rgb_to_lab(target)
        source = to_8_bit(color.grey(lab[:, :1]))
        return {**sample, "target_lab": lab, "source": source, "lightness": color.lightness(source)}
