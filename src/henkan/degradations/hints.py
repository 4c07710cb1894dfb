"""Color to grey with a few colors given away, as a user would (Zhang et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from henkan import color
from henkan.degradations.grey import Grey
from henkan.errors import UserError

Box = tuple[slice, slice]


class Hints(Grey):
    """A grey picture, and the mean a and b of some square patches of its target, painted where they are.

    `count` is the number of patches, or null: geometric, one more as long as a coin with `chance` of stopping says so,
    so that there is none with probability `chance` and (1 - chance) / chance in the mean. Each has a side uniform in
    `side` (whole numbers, both ends included) and a top left corner from a normal distribution about the middle, with a
    standard deviation of a quarter of the room there is; later patches lie over earlier ones. A share `reveal` of the
    samples gives away all color (the paper: 0.01). Adds `hints` (B, 2, H, W), a and b over 110, 0 where there is
    none, and `hint_mask` (B, 1, H, W).
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

    def draw(self, target: NDArray[np.uint8], rng: np.random.Generator, name: str = "") -> dict[str, Any]:
        drawn = super().draw(target, rng, name)
        height, width = target.shape[:2]
        hints, mask = np.zeros((2, height, width), np.float32), np.zeros((1, height, width), np.uint8)
        # Drawn whatever the settings are, so that the patches of a sample stay when one of them changes.
        revealed, number = rng.random() < self.reveal, int(rng.geometric(self.chance)) - 1
        boxes = [self.box(height, width, rng) for _ in range(number if self.count is None else self.count)]
        if revealed:
            hints[:], mask[:] = chroma(target).T.reshape(2, height, width), 1
        elif boxes:
            pixels = [target[box].reshape(-1, 3) for box in boxes]
            starts = np.cumsum([0, *map(len, pixels[:-1])])
            means = (
                np.add.reduceat(chroma(np.concatenate(pixels)), starts)
                / np.diff([*starts, sum(map(len, pixels))])[:, None]
            )
            for box, mean in zip(boxes, means, strict=True):
                hints[:, *box] = mean[:, None, None]
                mask[:, *box] = 1
        return {**drawn, "hints": hints, "hint_mask": mask}

    def box(self, height: int, width: int, rng: np.random.Generator) -> Box:
        """Return where one patch lies, inside the picture."""
        side = min(int(rng.integers(self.side[0], self.side[1] + 1)), height, width)
        room = np.array((height, width)) - side
        corner = rng.normal((room + 1) / 2, (room + 1) / 4)
        top, left = np.clip(np.trunc(corner), 0, room).astype(int).tolist()
        return slice(top, top + side), slice(left, left + side)


def chroma(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return a and b over 110 of RGB pixels (..., 3), a row each: (N, 2)."""
    columns = torch.from_numpy(np.array(pixels)).reshape(-1, 3).T.reshape(3, -1, 1).float().div(255.0)
    ab: NDArray[np.float32] = color.rgb_to_lab(columns)[1:, :, 0].T.div(color.AB).numpy()
    return ab
