"""Gram matrices: which features of a frozen network occur together, wherever in a picture that is."""

from __future__ import annotations

import torch
from torch import Tensor

from henkan.precision import in_float32


def gram(features: Tensor) -> Tensor:
    """Return F Fᵀ / (N M) of features (B, N, h, w), M = h w: (B, N, N), in float32 at least."""
    with in_float32(features.device.type):
        flat = features.to(torch.promote_types(features.dtype, torch.float32)).flatten(2)
        return flat @ flat.mT / (flat.shape[1] * flat.shape[2])
