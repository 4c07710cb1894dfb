"""Mean squared error."""

from __future__ import annotations

from torch import Tensor

from henkan.losses.per_image import difference, per_image_mean


class MSE:
    """Mean of (input - target)² over each image's counted pixels and channels (GLCIC's L_mse, per hole).

    `input`, `target`: (B, C, H, W), or (B, ...) without a mask; `mask`: (B, 1, H, W), 1 = counted; all pixels
    count without it. Returns (B,), in [0, 1] for pictures. Raises `UserError` if shapes differ.
    """

    def __call__(self, input: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        return per_image_mean(difference(input, target).square(), mask)
