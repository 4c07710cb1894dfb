"""Mean absolute error on known pixels (Suvorov et al. 2022, LaMa)."""

from __future__ import annotations

from torch import Tensor

from henkan.losses.per_image import difference, per_image_mean, require_mask_for


class L1Known:
    """Mean over all pixels and channels of (1 - M) · |input - target|: the hole counts as zero.

    `input`, `target`: (B, C, H, W); `mask` M: (B, 1, H, W), 1 = missing. Returns (B,), in [0, 1] for pictures.
    Raises `UserError` if shapes differ or the mask does not fit.
    """

    def __call__(self, input: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        apart = difference(input, target).abs()
        require_mask_for(apart, mask)
        return per_image_mean(apart.masked_fill(mask > 0, 0.0))
