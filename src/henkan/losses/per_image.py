"""What terms share: differences in full precision, and the mean over each image's counted values."""

from __future__ import annotations

import torch
from torch import Tensor

from henkan.errors import UserError


def full_precision(values: Tensor) -> Tensor:
    """Return the values in float32, or in float64 if they come so: half precision swallows small losses."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def difference(input: Tensor, target: Tensor) -> Tensor:
    """Return `input - target` in full precision; raises `UserError` unless their shapes are the same."""
    if input.shape != target.shape:
        raise UserError(
            f"a loss compares tensors of one shape, not input {tuple(input.shape)} "
            f"with target {tuple(target.shape)}: mend the term's `reads`"
        )
    return full_precision(input) - full_precision(target)


def require_mask_for(values: Tensor, mask: Tensor) -> None:
    """Raise `UserError` unless the mask is (B, 1, H, W) for values of (B, C, H, W)."""
    if values.ndim != 4 or mask.shape != (len(values), 1, *values.shape[2:]):
        raise UserError(
            f"a mask for {tuple(values.shape)} has one channel and the same sides, not {tuple(mask.shape)}: "
            "mend the term's `reads`"
        )


def per_image_mean(values: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the mean of each image's values, or of those that its mask counts: (B, ...) -> (B,).

    With a mask M (B, 1, H, W), 1 = counted: sum(M * values) / (C * sum(M)) over each image's C channels, so
    that a weight means the same for a small hole as for a large one. An image whose mask counts nothing gives
    0. Raises `UserError` if the mask does not fit.
    """
    if mask is None:
        return values.unsqueeze(-1).flatten(1).mean(1)
    require_mask_for(values, mask)
    mask = mask.to(values.dtype)
    counted = mask.flatten(1).sum(1) * values.shape[1]
    return (values * mask).flatten(1).sum(1) / torch.where(counted > 0, counted, 1.0)
