"""No color at all: what every colorization has to beat."""

from __future__ import annotations

from torch import Tensor

from henkan.baselines.baseline import Baseline


class Grey(Baseline):
    """Leaves the picture grey: `raw` (B, 2, H, W) is 0.5, which is a = b = 0, for `image` (B, 1, H, W)."""

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return {"raw": image.new_full((len(image), 2, *image.shape[2:]), 0.5)}
