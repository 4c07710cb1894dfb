"""Color to grey: what colorization is learned from."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from henkan import color
from henkan.degradations.degradation import Degradation
from henkan.errors import UserError
from henkan.sample import Parameters, Sample, to_8_bit


class Grey(Degradation):
    """`source` (B, 1, H, W) is the grey picture that has the target's lightness L; both are kept beside it, as
    `target_lab` and, of the source itself, `lightness`.

    Rounded to 8 bits, as a grey photograph in a file is. `window` and `window_real` are two random places.
    """

    def draw(self, target: NDArray[np.uint8], rng: np.random.Generator, name: str = "") -> Parameters:
        if target.shape[2] != 3:
            raise UserError(f"{name}: colors cannot be learned from grey drawings: choose other data")
        places = rng.integers(0, target.shape[:2], (2, 2))
        return {"window": places[0], "window_real": places[1]}

    def apply(self, sample: Sample) -> Sample:
        target: Tensor = sample["target"]
        lab = color.rgb_to_lab(target)
        source = to_8_bit(color.grey(lab[:, :1]))
        return {**sample, "target_lab": lab, "source": source, "lightness": lightness_of_levels(source)}


def lightness_of_levels(source: Tensor) -> Tensor:
    """Return L in [0, 100] of grey values k/255, of which there are 256: looked up."""
    table = color.lightness(torch.arange(256, device=source.device) / 255.0)
    return table[source.mul(255.0).round().long()]
