"""Color to grey, with the whole picture's mix of colors and its saturation given away (Zhang et al. 2017)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from henkan import color
from henkan.degradations.grey import Grey
from henkan.errors import UserError
from henkan.sample import Parameters, Sample


class GlobalColors(Grey):
    """A grey picture, and what is true of its target as a whole; each of the two is told with probability `chance`.

    Adds `ab_histogram` (B, BINS² + 1, 1, 1), the share of pixels in each class of color, and `saturation` (B, 2, 1, 1),
    the mean of HSV's S. The last value of each is 1 where it is told; where it is not, all are 0.
    """

    def __init__(self, chance: float = 0.5) -> None:
        if not 0.0 <= chance <= 1.0:
            raise UserError(f"degradation.chance={chance} must lie in [0, 1]")
        self.chance = chance

    def draw(self, target: NDArray[np.uint8], rng: np.random.Generator, name: str = "") -> Parameters:
        return {**super().draw(target, rng, name), "tells": (rng.random(2) < self.chance).astype(np.float32)}

    def apply(self, sample: Sample) -> Sample:
        grey = dict(super().apply(sample))
        tells: Tensor = grey.pop("tells")
        measured = self.measured(grey).items()
        return {**grey, **{name: value * tells[:, k].view(-1, 1, 1, 1) for k, (name, value) in enumerate(measured)}}

    def measured(self, sample: Sample) -> dict[str, Tensor]:
        """Return both for targets, RGB and in CIELAB."""
        target, classes = sample["target"], color.bins_of(sample["target_lab"][:, 1:] / color.AB).flatten(1)
        counts = torch.zeros(len(classes), color.BINS**2, device=target.device)
        counts.scatter_add_(1, classes, torch.ones_like(classes, dtype=counts.dtype))
        brightest, darkest = target.amax(1), target.amin(1)
        saturation = ((brightest - darkest) / brightest.clamp(min=1e-6)).mean((1, 2))
        return {
            "ab_histogram": with_indicator(counts / classes.shape[1]),
            "saturation": with_indicator(saturation[:, None]),
        }


def with_indicator(values: Tensor) -> Tensor:
    """Return values (B, N) and a 1 behind them, as maps of one place: (B, N + 1, 1, 1)."""
    return torch.cat((values, torch.ones_like(values[:, :1])), dim=1)[:, :, None, None]
