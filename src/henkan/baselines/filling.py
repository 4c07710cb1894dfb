"""What completion without learning is: filling one picture at a time from what is around its hole."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from henkan.baselines.baseline import Baseline
from henkan.errors import UserError

Picture = NDArray[np.uint8]
"""(H, W, 3), RGB."""
Hole = NDArray[np.bool_]
"""(H, W), true = missing."""


class Filling(Baseline):
    """Fills the holes of a picture from what is around them, on the CPU and in 8 bits, where these methods are at home.

    Input: `image` (B, 3 or 1, H, W) in [0, 1] and `mask` (B, 1, H, W), 1 = missing; any H and W, any device. Returns
    `raw`, of its shape: `image` itself outside the hole, k/255 inside. What `image` holds in the hole does
    not matter. Raises `UserError` for a picture of which nothing is known.
    """

    @abstractmethod
    def fill(self, picture: Picture, hole: Hole) -> Picture:
        """Return the picture with its hole filled; only what is in the hole is read from it.

        `picture` is black in the hole, and there is at least one missing and one known pixel.
        """

    @torch.no_grad()
    def forward(self, image: Tensor, mask: Tensor) -> dict[str, Tensor]:
        channels = image.shape[1]
        pixels = (
            image.expand(-1, 3, -1, -1).float().clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        )
        holes = (mask[:, 0] > 0).cpu().numpy()
        filled = np.stack([self._filled(picture, hole) for picture, hole in zip(pixels, holes, strict=True)])
        found = torch.from_numpy(filled).to(image.device).permute(0, 3, 1, 2).to(image.dtype).div(255)[:, :channels]
        return {"raw": found.where(mask > 0, image)}

    def _filled(self, picture: Picture, hole: Hole) -> Picture:
        if hole.all():
            raise UserError("the hole covers the whole picture: nothing is known that it could be filled from")
        if not hole.any():
            return picture
        return self.fill(np.where(hole[..., None], np.uint8(0), picture), hole)


def whole(hole: Hole, side: int) -> NDArray[np.bool_]:
    """Return which patches meet no missing pixel, by upper left corner: (H - side + 1, W - side + 1)."""
    height, width = (max(length - side + 1, 0) for length in hole.shape)
    met = cv2.dilate(hole.astype(np.uint8), np.ones((side, side), np.uint8), anchor=(0, 0), borderValue=0)
    return np.asarray(met[:height, :width] == 0)


def fitting(hole: Hole, sides: Iterable[int]) -> int:
    """Return the first of some sides of a patch, the largest first, of which one lies outside the hole.

    Raises `UserError` where none does.
    """
    for side in sides:
        if whole(hole, side).any():
            return side
    raise UserError(
        f"no patch of {side} x {side} pixels lies outside the hole, and there is nothing to copy: take a method that "
        "copies no patches, biharmonic say"
    )
