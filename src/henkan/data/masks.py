"""Masks in files: what counts as missing, and what cannot be a mask of this picture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from henkan.data.decode import opened, upright
from henkan.errors import UserError

Mask = NDArray[np.uint8]
"""(H, W), 1 = missing."""

# A drawing's compressed edges are dark grey; in a file without loss every pixel that is not black counts.
LOSSY, DARK = frozenset({"JPEG", "WEBP"}), 64
# A mask is mostly black and one other tone, with edges that may be soft; a picture has many tones, and most pixels
# between black and white: at least 38 % in each of 505 photographs (BSDS500, Set5), where a mask of 256 pixels
# blurred by 12 has 26 %.
TONES, BETWEEN = 64, 0.35
# A drawing on white paper is hardly anywhere black, and has several colors.
MOSTLY, HUES, SHARE = 0.6, 12, 0.005


def read_mask(path: Path) -> Mask:
    """Return the mask in a picture file, (H, W) uint8: 1 where it is not black, 0 where it is black or transparent.

    EXIF orientation is applied. Raises `UserError` naming the file if it is missing, damaged, or looks like a picture.
    """
    if not path.is_file():
        raise UserError(f"there is no mask {path}")
    with opened(path) as image:
        lossy = image.format in LOSSY
        layers = np.asarray(upright(image).convert("RGBA"))
    light = np.where(layers[..., 3] > 0, layers[..., :3].max(axis=2), 0)
    between = (light > 15) & (light < 240)
    if between.mean() > BETWEEN and len(np.unique(light)) > TONES:
        raise UserError(f"{path} looks like a picture, not like a mask: are picture and mask swapped?")
    missing = light > (DARK if lossy else 0)
    if missing.mean() > MOSTLY and _colors(layers[..., :3], missing) > 1:
        raise UserError(f"{path} looks like a drawing, not like a mask: are picture and mask swapped?")
    return missing.astype(np.uint8)


def _colors(pixels: NDArray[np.uint8], where: NDArray[np.bool_]) -> int:
    """Return how many hues, and grey for one more, have more than a small share of `pixels` (H, W, 3)."""
    hue, saturation, value = np.moveaxis(cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2HSV), 2, 0)[:, where]
    # OpenCV counts 180 hues; the last number stands for what has none.
    kinds = np.where((saturation > 60) & (value > 60), hue // (180 // HUES), HUES)
    return int((np.bincount(kinds) > SHARE * where.size).sum())


def check_mask(mask: Mask, shape: tuple[int, ...], name: str) -> None:
    """Raise `UserError` if the mask cannot be that of picture `name` of `shape` (H, W, ...)."""
    if mask.shape != shape[:2]:
        own, other = (f"{width}x{height}" for height, width in (mask.shape, shape[:2]))
        raise UserError(f"{name}: its mask is {own} pixels, the picture {other}: make them equal")
    if not mask.any():
        raise UserError(f"{name}: its mask is empty (all black): paint what is missing in white")
    if mask.all():
        raise UserError(f"{name}: its mask covers the whole picture: leave something known, in black")
