"""An augmentation: which part of a picture training shows, and how."""

from __future__ import annotations

import numpy as np

from henkan.data.frame import Cut
from henkan.data.framing import Framing
from henkan.errors import UserError


class MineAugmentation(Framing):
    """Cut a square, `least` to 1 of the shorter side wide, anywhere; turn it by up to `turn` degrees, mirror half.

    `draw` returns how a picture of this size is framed: a `Cut`, `size` x `size` pixels in the end, as whatever comes
    with the picture (masks, depth, labels) is framed too. All chance is in `rng`, so that sample i of a run is always
    the same. Frames of other kinds derive from henkan.data.frame.Frame.
    """

    def __init__(self, size: int, least: float = 0.5, turn: float = 0.0) -> None:
        if not 0.0 < least <= 1.0:
            raise UserError(f"augmentation.least={least} must lie in (0, 1]")
        self.size, self.least, self.turn = size, least, turn

    def draw(self, height: int, width: int, rng: np.random.Generator, name: str) -> Cut:
        share, down, right, mirror, angle = rng.random(5).tolist()
        side = max(1, round(min(height, width) * (self.least + share * (1.0 - self.least))))
        top, left = round(down * (height - side)), round(right * (width - side))
        return Cut(top, left, side, self.size, mirror < 0.5, self.turn * (2 * angle - 1))
