"""Charbonnier's penalty: an L1 that is smooth at zero."""

from __future__ import annotations

from torch import Tensor

from henkan.errors import UserError
from henkan.losses.per_image import difference, per_image_mean


class Charbonnier:
    """Mean of sqrt((input - target)² + eps²) over counted pixels and channels (Charbonnier et al., 1994).

    Quadratic below `eps`, which is in the pictures' own units, linear above; equal pictures give `eps`, not
    0. `input`, `target`: (B, C, H, W), or (B, ...) without a mask; `mask`: (B, 1, H, W), 1 = counted; all
    pixels count without it. Returns (B,). Raises `UserError` if shapes differ, or `eps` is not positive.
    """

    def __init__(self, eps: float = 1e-3) -> None:
        if not eps > 0:
            raise UserError(f"charbonnier: eps is {eps}, but has to be above 0, or it has no slope at 0")
        self.eps = eps

    def __call__(self, input: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        return per_image_mean((difference(input, target).square() + self.eps**2).sqrt(), mask)
