"""Masks in files: what counts as missing, and what cannot be a mask of this picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from henkan.data.decode import opened, upright
from henkan.errors import UserError

Mask = NDArray[np.uint8]
"""(H, W), 1 = missing."""

# Formats whose pixels are not those that were painted.
LOSSY = frozenset({"JPEG", "MPO", "WEBP", "AVIF", "HEIF", "JPEG2000"})
# Paint has a few flat tones, of which the faintest is no fainter than this share of the lightest. With more tones a
# mask was blurred, shrunk or compressed, and painted was what is at least half as light as the lightest pixel within
# so many pixels of it: a soft edge lies where half of it is covered. What is darker than `DARK` is noise.
FLAT, FAINTEST, REACH, DARK = 8, 1 / 16, 24, 32
# A mask is mostly black and one other tone, with edges that may be soft; a picture has many tones, and most pixels
# between black and white: at least 38 % in each of 505 photographs (BSDS500, Set5), where a mask of 256 pixels
# blurred by 12 has 26 %.
TONES, BETWEEN = 64, 0.35
# A drawing on white paper is hardly anywhere black, and has several colors.
MOSTLY, HUES, SHARE = 0.6, 12, 0.005


def read_mask(path: Path) -> Mask:
    """Return the mask in a picture file, (H, W) uint8: 1 where it was painted, 0 where it is black or transparent.

    Every color counts as paint. Soft edges and the dirt of lossy compression count as what was painted there, whatever
    format they were saved in since (`painted`). EXIF orientation is applied. Raises `UserError` naming the file if it
    is missing, damaged, or looks like a picture.
    """
    if not path.is_file():
        raise UserError(f"there is no mask {path}: name another")
    with opened(path) as image:
        lossy = image.format in LOSSY
        layers = np.asarray(of_8_bits(upright(image)).convert("RGBA"))
    # Transparent paint is fainter; the faintest is paint still.
    light = (layers[..., :3].max(axis=2).astype(np.int32) * layers[..., 3] + 254) // 255
    between = (light > 15) & (light < 240)
    if between.mean() > BETWEEN and len(np.unique(light)) > TONES:
        raise UserError(f"{path} looks like a picture, not like a mask: are picture and mask swapped?")
    missing = painted(light.astype(np.uint8), lossy)
    if missing.mean() > MOSTLY and _colors(layers[..., :3], missing) > 1:
        raise UserError(f"{path} looks like a drawing, not like a mask: are picture and mask swapped?")
    return missing.astype(np.uint8)


def of_8_bits(image: Image.Image) -> Image.Image:
    """Return a mask of more bits with 8: of 16 each has its share, others are relative to their largest value.

    What is not black stays so.
    """
    if not image.mode.startswith("I") and image.mode != "F":
        return image
    values = np.nan_to_num(np.asarray(image).astype(np.float64)).clip(0.0)
    most = 65535.0 if image.mode.startswith("I;16") else values.max(initial=0.0) or 1.0
    return Image.fromarray(np.ceil(values * (255.0 / most)).clip(0, 255).astype(np.uint8))


def painted(light: NDArray[np.uint8], lossy: bool) -> NDArray[np.bool_]:
    """Return where something was painted, by how light each pixel (H, W) is now."""
    tones = np.flatnonzero(np.bincount(light.ravel(), minlength=256)[1:]) + 1
    if not lossy and len(tones) <= FLAT:
        return light > FAINTEST * np.max(tones, initial=0)
    around = np.asarray(cv2.dilate(light, np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)), np.int32)
    return (2 * light.astype(np.int32) >= around) & (light >= DARK)


def _colors(pixels: NDArray[np.uint8], where: NDArray[np.bool_]) -> int:
    """Return how many hues, and grey for one more, have more than a small share of `pixels` (H, W, 3)."""
    hue, saturation, value = np.moveaxis(cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2HSV), 2, 0)[:, where]
    # OpenCV counts 180 hues; the last number stands for what has none.
    kinds = np.where((saturation > 60) & (value > 60), hue // (180 // HUES), HUES)
    return int((np.bincount(kinds) > SHARE * where.size).sum())


@dataclass(frozen=True)
class Packed:
    """A mask in an eighth of its memory."""

    bits: NDArray[np.uint8]
    width: int

    @classmethod
    def of(cls, mask: Mask) -> Packed:
        return cls(np.packbits(mask, axis=1), mask.shape[1])

    @property
    def nbytes(self) -> int:
        return self.bits.nbytes

    @property
    def mask(self) -> Mask:
        return np.unpackbits(self.bits, axis=1, count=self.width)


def read_packed(path: Path) -> Packed:
    """Return the mask in a picture file, to be kept; see `read_mask`."""
    return Packed.of(read_mask(path))


def check_mask(mask: Mask, shape: tuple[int, ...], name: str) -> None:
    """Raise `UserError` if the mask cannot be that of picture `name` of `shape` (H, W, ...)."""
    if mask.shape != shape[:2]:
        own, other = (f"{width}x{height}" for height, width in (mask.shape, shape[:2]))
        raise UserError(f"{name}: its mask is {own} pixels, the picture {other}: make them equal")
    if not mask.any():
        raise UserError(f"{name}: its mask is empty (all black): paint what is missing in white")
    if mask.all():
        raise UserError(f"{name}: its mask covers the whole picture: leave something known, in black")
