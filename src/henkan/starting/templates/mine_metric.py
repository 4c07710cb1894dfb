"""A metric: how much of a picture is visibly off."""

from __future__ import annotations

from torch import Tensor

from henkan.metrics.per_image import exact, require_pair


class MineMetric:
    """Share of pixels whose largest difference in any channel is above `tolerance`: 0 is best, 1 is worst.

    A metric is called with the keys of a sample that its arguments are named after, or that `reads:` in the YAML says:
    `output` and `target` (B, C, H, W) in [0, 1], rounded to 8 bits; `mask` and others. Returns one value for each
    picture, (B,), NaN where a picture has none. `exact` has it computed in float32, without gradients. What scores a
    whole set derives from henkan.metrics.set_metric.SetMetric.
    """

    def __init__(self, tolerance: float = 0.1) -> None:
        self.tolerance = tolerance

    @exact
    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        require_pair(output, target)
        off = (output - target).abs().amax(dim=1) > self.tolerance
        return off.float().mean((1, 2))
