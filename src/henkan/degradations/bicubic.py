"""Whole to small: what super-resolution is learned from in the published tables."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from henkan.degradations.degradation import Degradation
from henkan.errors import UserError
from henkan.networks.resampling import reduced
from henkan.sample import Parameters, Sample, to_8_bit


class Bicubic(Degradation):
    """`source` (B, C, H / scale, W / scale) is the target made smaller by MATLAB's bicubic kernel with antialiasing,
    rounded to 8 bits as in a file.

    A target whose sides are no multiple of `scale` is cut at the right and at the bottom, as the field does. `window`
    and `window_real` are two random places of the target.
    """

    def __init__(self, scale: int) -> None:
        if scale < 1:
            raise UserError(f"degradation.scale={scale} must be 1 or more")
        self.scale = scale

    def draw(self, target: NDArray[np.uint8], rng: np.random.Generator, name: str = "") -> Parameters:
        check_side(target, self.scale, name)
        places = rng.integers(0, target.shape[:2], (2, 2))
        return {"window": places[0], "window_real": places[1]}

    def apply(self, sample: Sample) -> Sample:
        target = cut_to_multiple(sample["target"], self.scale)
        return {**sample, "target": target, "source": to_8_bit(reduced(target, self.scale))}


def cut_to_multiple(target: Tensor, scale: int) -> Tensor:
    """Return pictures (B, C, H, W) whose sides are multiples of `scale`, what is over cut at the right and bottom."""
    height, width = target.shape[-2:]
    return target[..., : height - height % scale, : width - width % scale]


def check_side(target: NDArray[np.uint8], scale: int, name: str) -> None:
    """Raise `UserError` for a picture of which nothing would be left."""
    height, width = target.shape[:2]
    if min(height, width) < scale:
        raise UserError(f"{name} is {width}x{height} pixels, which cannot be made {scale} times smaller: remove it")
