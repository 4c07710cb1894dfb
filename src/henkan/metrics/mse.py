"""Mean squared error, per image."""

from __future__ import annotations

from torch import Tensor

from henkan.metrics.per_image import exact, require_pair


class MSE:
    """Mean (output - target)² over each image's pixels and channels. Both (B, C, H, W) in [0, 1]; returns (B,)."""

    @exact
    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        require_pair(output, target)
        return (output - target).square().mean((1, 2, 3))
