"""Squared variation: how much neighboring pixels differ, large differences more than in proportion."""

from __future__ import annotations

import torch
from torch import Tensor

from henkan.errors import UserError
from henkan.losses.per_image import full_precision


class SquaredVariation:
    """½ Σ (x - y)² over each image's pairs x, y of adjoining pixels: what style transfer calls total variation.

    A sum, as its published weights go with one; they are for values in [0, 255], so 255² times as large here.
    (neural-style and Johnson et al. state the gradient alone, which is that of ½ Σ.) `input`: (B, C, H, W). Returns
    (B,). Raises `UserError` for another shape.
    """

    def __call__(self, input: Tensor) -> Tensor:
        if input.ndim != 4:
            raise UserError(f"squared variation needs pictures (B, C, H, W), not {tuple(input.shape)}")
        values = full_precision(input)
        sums = [values.diff(dim=side).square().flatten(1).sum(1) for side in (2, 3)]
        return 0.5 * torch.stack(sums).sum(0)
