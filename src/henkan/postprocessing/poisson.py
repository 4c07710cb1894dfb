"""GLCIC's post-processing (Iizuka et al. 2017, section 3.4), by OpenCV: fast marching, then a seamless clone."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from henkan.sample import to_8_bit

Picture = NDArray[np.uint8]

# OpenCV leaves a rim of a few pixels around what it clones, so a hole must keep its distance from the border.
_MARGIN = 4


class PoissonBlend:
    """Fit the colors of a filled hole to what is around it, keeping the gradients of the fill.

    The hole is first filled from its edge inwards (Telea 2004, radius 1); the fill of the generator is then cloned
    into that under the mask (Pérez et al. 2003). `output` (B, 3, H, W) in [0, 1], `mask` (B, 1, H, W), 1 = missing;
    returns (B, 3, H, W) on k/255, outside the mask `output` rounded. A picture without hole, or without anything
    else, is only rounded.
    """

    @torch.no_grad()
    def __call__(self, output: Tensor, mask: Tensor) -> Tensor:
        rounded = to_8_bit(output.detach().float())
        pictures = rounded.mul(255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        holes = (mask[:, 0] > 0).cpu().numpy().astype(np.uint8)
        blended = np.stack([blend(*pair) for pair in zip(pictures, holes, strict=True)])
        found = torch.from_numpy(blended).permute(0, 3, 1, 2).to(rounded.device).float().div(255)
        return found.where(mask > 0, rounded)


def blend(picture: Picture, hole: Picture) -> Picture:
    """Return the picture (H, W, 3) with its hole (H, W; 1 = missing) blended; known pixels are not changed."""
    if hole.all() or not hole.any():
        return picture
    margins = (_MARGIN,) * 4
    filled = cv2.inpaint(picture, hole, 1, cv2.INPAINT_TELEA)
    source = cv2.copyMakeBorder(picture, *margins, cv2.BORDER_REFLECT_101)
    destination = cv2.copyMakeBorder(np.asarray(filled), *margins, cv2.BORDER_REFLECT_101)
    mask = cv2.copyMakeBorder(hole * np.uint8(255), *margins, cv2.BORDER_CONSTANT, value=0)
    # OpenCV centers the bounding box of the mask at a point: this one puts it where it came from.
    left, top, width, height = cv2.boundingRect(mask)
    center = (left + width // 2, top + height // 2)
    if min(width, height) < 3:
        # It takes the rim off first and fails where nothing is left: all of such a hole is destination.
        return np.asarray(filled, np.uint8)
    cloned = cv2.seamlessClone(source, destination, mask, center, cv2.NORMAL_CLONE)
    inside = np.asarray(cloned)[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    return np.asarray(np.where(hole[..., None] > 0, inside, picture), np.uint8)
