"""A degradation: pictures that were taken too dark or too bright."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from henkan.degradations.degradation import Degradation
from henkan.errors import UserError
from henkan.sample import Parameters, Sample, to_8_bit


class MineDegradation(Degradation):
    """`source` is the target times a gain, drawn for each picture between `low` and `high`, clipped and rounded.

    `draw` sees one target (H, W, C), uint8, in a worker, and is all that is left to chance: it returns what `apply`
    needs, by name (`gain`), and the two places that local discriminators look at. `apply` gets the batch, pictures
    (B, C, H, W) as float in [0, 1], on the device, and returns it with `source`; the target stays as it is.
    """

    def __init__(self, low: float = 0.25, high: float = 2.0) -> None:
        if not 0.0 < low <= high:
            raise UserError(f"degradation.low={low} and high={high} must rise, from above 0")
        self.low, self.high = low, high

    def draw(self, target: NDArray[np.uint8], rng: np.random.Generator, name: str = "") -> Parameters:
        gain = np.exp(rng.uniform(np.log(self.low), np.log(self.high), 1)).astype(np.float32)
        places = rng.integers(0, target.shape[:2], (2, 2))
        return {"gain": gain, "window": places[0], "window_real": places[1]}

    def apply(self, sample: Sample) -> Sample:
        gain: torch.Tensor = sample["gain"].view(-1, 1, 1, 1)
        return {**sample, "source": to_8_bit(sample["target"] * gain)}
