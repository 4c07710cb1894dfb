"""Total variation: how much neighboring pixels differ."""

from __future__ import annotations

import torch
from torch import Tensor

from henkan.errors import UserError
from henkan.losses.per_image import full_precision, require_mask_for


class TotalVariation:
    """Anisotropic total variation: mean of |x - y| over each image's pairs x, y of adjoining pixels.

    A mean over pairs and channels, which does not grow with the picture; published weights mostly go with
    sums. `input`: (B, C, H, W); `mask`: (B, 1, H, W), 1 = counted. With a mask a pair counts if both of its
    pixels do: the seam along a hole's edge is not smoothed. Returns (B,), in [0, 1] for pictures; 0 where no
    pair counts. Raises `UserError` if the shapes do not fit.
    """

    def __call__(self, input: Tensor, mask: Tensor | None = None) -> Tensor:
        if input.ndim != 4:
            raise UserError(f"total variation needs pictures (B, C, H, W), not {tuple(input.shape)}")
        if mask is None:
            mask = torch.ones_like(input[:, :1])
        require_mask_for(input, mask)
        input, mask = full_precision(input), full_precision(mask)
        total = counted = input.new_zeros(len(input))
        for side in (2, 3):
            pairs = input.shape[side] - 1
            both = mask.narrow(side, 0, pairs) * mask.narrow(side, 1, pairs)
            total = total + (input.diff(dim=side).abs() * both).flatten(1).sum(1)
            counted = counted + both.flatten(1).sum(1) * input.shape[1]
        return total / torch.where(counted > 0, counted, 1.0)
