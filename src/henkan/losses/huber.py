"""Huber's loss: quadratic for small differences, linear for large ones."""

from __future__ import annotations

import torch
from torch import Tensor

from henkan.errors import UserError
from henkan.losses.per_image import difference, per_image_mean


class Huber:
    """Mean of Huber's loss of e = input - target over counted pixels and channels (Huber, 1964).

    e² / (2 `delta`) where |e| is at most `delta`, |e| - `delta` / 2 beyond: the slope is 1 there, as that of L1.
    `delta` is in the pictures' own units. `input`, `target`: (B, C, H, W), or (B, ...) without a mask; `mask`:
    (B, 1, H, W), 1 = counted; all pixels count without it. Returns (B,). Raises `UserError` if shapes differ, or
    `delta` is not positive.
    """

    def __init__(self, delta: float = 0.01) -> None:
        if not delta > 0:
            raise UserError(f"huber: delta is {delta}, but has to be above 0; for none at all there is l1")
        self.delta = delta

    def __call__(self, input: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        size = difference(input, target).abs()
        near, far = size.square() / (2.0 * self.delta), size - self.delta / 2.0
        return per_image_mean(torch.where(size <= self.delta, near, far), mask)
