"""Color to grey with a few colors given away, as a user would (Zhang et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtri
from torch import Tensor
from torch.nn import functional

from henkan import color
from henkan.degradations.grey import Grey
from henkan.errors import UserError
from henkan.sample import Parameters, Sample

STEPS = 2.0**24


class Hints(Grey):
    """A grey picture, and the mean a and b of some square patches of its target, painted where they are.

    `count` is the number of patches, or null: geometric, one more as long as a coin with `chance` of stopping says so,
    so that there is none with probability `chance` and (1 - chance) / chance in the mean. Each has a side uniform in
    `side` (whole numbers, both ends included) and a top left corner from a normal distribution about the middle, with a
    standard deviation of a quarter of the room there is; later patches lie over earlier ones. A share `reveal` of the
    samples gives away all color (the paper: 0.01). Adds `hints` (B, 2, H, W), a and b over 110, 0 where there is
    none, and `hint_mask` (B, 1, H, W). A worker draws only where patches lie; colors are looked up in the batch.
    """

    def __init__(
        self,
        count: int | None = None,
        chance: float = 0.125,
        side: Sequence[int] = (1, 9),
        reveal: float = 0.0,
    ) -> None:
        if not 0.0 < chance <= 1.0 or not 0.0 <= reveal <= 1.0:
            raise UserError(f"degradation.chance={chance} must lie in (0, 1], and reveal={reveal} in [0, 1]")
        if not 1 <= side[0] <= side[1]:
            raise UserError(f"degradation.side={list(side)} must rise from 1 pixel or more")
        if count is not None and count < 0:
            raise UserError(f"degradation.count={count} must be 0 or more, or null for a random number")
        self.count, self.chance, self.side, self.reveal = count, chance, tuple(side), reveal

    def draw(self, target: NDArray[np.uint8], rng: np.random.Generator, name: str = "") -> Parameters:
        drawn = super().draw(target, rng, name)
        height, width = target.shape[:2]
        # Drawn whatever the settings are, so that the patches of a sample stay when one of them changes.
        revealed, number = rng.random() < self.reveal, int(rng.geometric(self.chance)) - 1
        if revealed:
            top, left = np.indices((height, width), np.int16)
            return {**drawn, "hint_box": np.stack((top, left, top + 1, left + 1))}
        painted = np.zeros((4, height, width), np.int16)
        for box in self.boxes(number if self.count is None else self.count, height, width, rng):
            top, left, bottom, right = box
            painted[:, top:bottom, left:right] = box[:, None, None]
        return {**drawn, "hint_box": painted}

    def boxes(self, count: int, height: int, width: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return where patches lie, inside the picture: top, left, bottom and right (`count`, 4)."""
        # A row a patch: fewer patches are the first of more.
        shares = rng.random((count, 3))
        low, high = self.side
        side = np.minimum(low + (shares[:, :1] * (high + 1 - low)).astype(int), (height, width)).min(1, keepdims=True)
        room = np.array((height, width)) - side
        corner = (room + 1) / 2 + (room + 1) / 4 * ndtri(shares[:, 1:])
        corner = np.clip(corner, 0, room).astype(int)
        return np.concatenate((corner, corner + side), axis=1)

    def apply(self, sample: Sample) -> Sample:
        grey = dict(super().apply(sample))
        box: Tensor = grey.pop("hint_box").long()
        hints = box_means(grey["target_lab"][:, 1:] / color.AB, *box.unbind(1))
        return {**grey, "hints": hints, "hint_mask": (box[:, 2:3] > 0).float()}


def box_means(image: Tensor, top: Tensor, left: Tensor, bottom: Tensor, right: Tensor) -> Tensor:
    """Return at every place the mean of an image (B, C, H, W) over a box of its own: (B, H, W) each, in pixels.

    `image` is in about ±1; a box without area has the mean 0. By a summed-area table (Crow 1984) of whole numbers of
    2^-24: its sums are large, whole ones are exact in any order, and not every device has float64.
    """
    sums = functional.pad((image * STEPS).round().long(), (1, 0, 1, 0)).cumsum(-1).cumsum(-2)
    rows, columns = torch.stack((bottom, top, bottom, top), 1), torch.stack((right, left, left, right), 1)
    places = (rows * sums.shape[-1] + columns).flatten(1)[:, None].expand(-1, image.shape[1], -1)
    corners = sums.flatten(2).gather(2, places).view(*image.shape[:2], *rows.shape[1:])
    area = ((bottom - top) * (right - left)).clamp(min=1)
    inside = corners[:, :, 0] + corners[:, :, 1] - corners[:, :, 2] - corners[:, :, 3]
    return inside.to(image.dtype) / area[:, None] / STEPS
