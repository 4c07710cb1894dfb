"""The dark channel prior (He, Sun, Tang: "Single Image Haze Removal Using Dark Channel Prior", 2009)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from henkan.baselines.baseline import Baseline
from henkan.errors import UserError
from henkan.networks.atmosphere import darkest, lookup, refined


class DarkChannel(Baseline):
    """Takes for haze what keeps every place of a picture from having something dark in it.

    Input: `image` I (B, 3, H, W) in [0, 1]. The airlight A is I where its dark channel is highest, on a `share` of the
    pixels: at the `brightest` of them (the paper), or their `mean` (a widespread implementation). `raw` (B, 1, H, W) is
    t = 1 - `omega` · dark(I / A), `transmission` the same with the edges of the picture: by a guided filter of a
    `radius` in pixels (30: windows of 61; the implementation's 60 is a width, and most texts call it the radius)
    where the paper of 2009 solved for a matte. `airlight` (B, 3, 1, 1) is A. `side` is that of the dark channel's
    windows. What is white by itself is taken for haze, and becomes darker.
    """

    def __init__(
        self,
        side: int = 15,
        share: float = 0.001,
        airlight: Literal["brightest", "mean"] = "brightest",
        omega: float = 0.95,
        radius: int = 30,
        epsilon: float = 1e-4,
    ) -> None:
        super().__init__()
        if side < 1 or side % 2 == 0:
            raise UserError(f"generator.side={side} must be odd, and 1 or more")
        if not 0.0 < share <= 1.0 or not 0.0 <= omega <= 1.0:
            raise UserError(f"generator.share={share} must lie in (0, 1], and omega={omega} in [0, 1]")
        if airlight not in ("brightest", "mean"):
            raise UserError(f"generator.airlight={airlight} must be brightest or mean")
        if radius < 1 or not epsilon > 0:
            raise UserError(f"generator.radius={radius} must be 1 or more, and epsilon={epsilon} above 0")
        self.side, self.share, self.brightest, self.omega = side, share, airlight == "brightest", omega
        self.radius, self.epsilon = radius, epsilon

    @torch.no_grad()
    def forward(self, image: Tensor) -> dict[str, Tensor]:
        image = image.float()
        airlight = lookup(image, darkest(image, self.side), self.share, self.brightest)
        # A picture that is black all over has no airlight to divide by.
        raw = 1.0 - self.omega * darkest(image / airlight.clamp(min=1e-3), self.side)
        return {
            "raw": raw,
            "transmission": refined(raw, image, self.radius, self.epsilon),
            "airlight": airlight,
        }
