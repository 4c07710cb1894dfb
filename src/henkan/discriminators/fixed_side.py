"""What judges pictures of one size alone, since its last layers are fully connected."""

from __future__ import annotations

import math

from torch import Tensor, nn

from henkan.errors import UserError
from henkan.networks.layers import chain


class FixedSide(nn.Module):
    """Looks at pictures (B, C, side, side) with `maps`, one after the other; raises `UserError` for any other size."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side
        self.maps = nn.ModuleList()

    def seen(self, image: Tensor) -> list[Tensor]:
        """Return what each of `maps` makes of pictures."""
        if image.shape[-2:] != (self.side, self.side):
            raise UserError(
                f"the discriminator was built for {self.side}x{self.side} pixels and is given "
                f"{image.shape[-1]}x{image.shape[-2]}: its side must be that of the crop, or of the window"
            )
        return chain(self.maps, image)


def halvings(side: int, depth: int | None, remaining: int, least: int = 1, most: int | None = None) -> int:
    """Return how often a side is halved: `depth`, or for None as often as leaves about `remaining` pixels.

    Then it is `least` times or more, and `most` times at most. Raises `UserError` for a `depth` of none, and for more.
    """
    if depth is None:
        fitting = max(least, round(math.log2(side / remaining)))
        return fitting if most is None else min(fitting, most)
    if depth < 1 or (most is not None and depth > most):
        bounds = "1 or more" if most is None else f"1 to {most}"
        raise UserError(f"a discriminator halves its pictures {bounds} times, not {depth}: leave its depth null")
    return depth
