"""Peak signal-to-noise ratio, per image."""

from __future__ import annotations

from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio

from henkan.metrics.per_image import exact, hole_mean, require_pair


class PSNR:
    """10 log10(1 / MSE) in dB of each image over all pixels and channels, at most `cap`.

    `output`, `target`: (B, C, H, W) in [0, 1]. Returns (B,). Pictures that are the same, infinitely good,
    score `cap`, so that a mean exists; a score equal to `cap` is one that was capped.
    """

    def __init__(self, cap: float = 100.0) -> None:
        self.cap = cap

    @exact
    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        require_pair(output, target)
        return peak_signal_noise_ratio(output, target, data_range=1.0, dim=(1, 2, 3), reduction="none").clamp(
            max=self.cap
        )


class PSNRHole:
    """PSNR over the missing pixels alone: 10 log10(1 / MSE inside the hole) in dB, at most `cap`.

    `output`, `target`: (B, C, H, W) in [0, 1]; `mask`: (B, 1, H, W), 1 = missing. Returns (B,), NaN where
    nothing is missing.
    """

    def __init__(self, cap: float = 100.0) -> None:
        self.cap = cap

    @exact
    def __call__(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        require_pair(output, target, mask)
        return (-10.0 * hole_mean((output - target).square(), mask).log10()).clamp(max=self.cap)
