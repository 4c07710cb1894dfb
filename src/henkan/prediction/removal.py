"""Which part of a picture is an object that is to go, and how what replaces it is blended in."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from henkan.errors import UserError
from henkan.pretrained.saliency import OBJECT, Saliency


def object_in(pixels: NDArray[np.uint8], box: Sequence[int], saliency: Saliency, name: str) -> NDArray[np.bool_]:
    """Return where the object in a box [x, y, width, height] of a picture (H, W, 3) is: (H, W).

    The network is shown the box and half as much around it, so that the object is what that part is of. Raises
    `UserError` for a box outside of the picture, and where nothing stands out in it.
    """
    height, width = pixels.shape[:2]
    left, top, across, down = (int(value) for value in box)
    if not (0 <= left < left + across <= width and 0 <= top < top + down <= height):
        raise UserError(f"remove={list(box)} is no box [x, y, width, height] inside {name} ({width}x{height} pixels)")
    shown = (
        slice(max(0, top - down // 2), min(height, top + down + down // 2)),
        slice(max(0, left - across // 2), min(width, left + across + across // 2)),
    )
    salient = np.zeros((height, width), bool)
    salient[shown] = saliency(np.ascontiguousarray(pixels[shown])) > OBJECT
    inside = np.zeros_like(salient)
    inside[top : top + down, left : left + across] = True
    found = salient & inside
    if not found.any():
        raise UserError(f"{name}: nothing stands out in remove={list(box)}: draw the mask yourself (mask=FILE)")
    return found


def grown(hole: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """Return a hole (H, W) with all that lies within `by` pixels of it."""
    if by < 1 or not hole.any():
        return hole
    # Of every pixel to the hole: as fast for many pixels as for few.
    distance = cv2.distanceTransform((~hole).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance <= by)


def feathered(before: Image.Image, after: Image.Image, hole: NDArray[np.bool_], width: int) -> Image.Image:
    """Return `after`, mixed with `before` over `width` pixels inside of the hole's edge; nothing changes outside."""
    if width < 1:
        return after
    inside = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    share = (inside / (width + 1)).clip(0.0, 1.0)
    old, new = (np.asarray(image, np.float32) for image in (before, after))
    share = share.reshape(share.shape + (1,) * (new.ndim - 2))
    mixed = (old + share * (new - old)).round().astype(np.uint8)
    return Image.fromarray(np.where(share > 0, mixed, np.asarray(before)))
