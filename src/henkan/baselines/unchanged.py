"""The picture as it was given: what every transformation that keeps its size has to beat."""

from __future__ import annotations

from torch import Tensor

from henkan.baselines.baseline import Baseline


class Unchanged(Baseline):
    """Returns `image` (B, C, H, W); of a sketch and its strokes (C = 4) the strokes with the sketch on them."""

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return {"raw": image[:, 1:] * image[:, :1] if image.shape[1] == 4 else image}
