"""Mean absolute difference, in percent as the completion papers print it."""

from __future__ import annotations

from torch import Tensor

from henkan.metrics.per_image import exact, hole_mean, require_pair


class L1:
    """100 mean |output - target| over each image's pixels and channels: percent of the full range.

    `output`, `target`: (B, C, H, W) in [0, 1]. Returns (B,) in [0, 100].
    """

    @exact
    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        require_pair(output, target)
        return 100.0 * (output - target).abs().mean((1, 2, 3))


class L1Hole:
    """100 mean |output - target| over the missing pixels and all channels.

    `output`, `target`: (B, C, H, W) in [0, 1]; `mask`: (B, 1, H, W), 1 = missing. Returns (B,) in [0, 100],
    NaN where nothing is missing.
    """

    @exact
    def __call__(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        require_pair(output, target, mask)
        return 100.0 * hole_mean((output - target).abs(), mask)
