"""Half the sum of squared differences."""

from __future__ import annotations

from torch import Tensor

from henkan.losses.per_image import difference


class HalfSquares:
    """½ Σ (input - target)² over all values of each image: Gatys et al.'s distance of content features.

    A sum: it grows with the picture. `input`, `target`: (B, ...). Returns (B,). Raises `UserError` if shapes differ.
    """

    def __call__(self, input: Tensor, target: Tensor) -> Tensor:
        return 0.5 * difference(input, target).square().flatten(1).sum(1)
