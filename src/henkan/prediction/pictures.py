"""Pictures as people have them: read in their own mode, written as PNG."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps

from henkan.data.decode import opened
from henkan.data.drawings import Floats
from henkan.errors import UserError


def read(path: Path) -> Image.Image:
    """Return a picture as a person sees it, grey, RGB, or either with alpha. Raises `UserError` for all else."""
    with opened(path) as file:
        deep = has_16_bits(file)
        image = ImageOps.exif_transpose(file)
        image.load()
    if deep or image.mode.startswith(("I", "F")):
        raise UserError(f"{path} has more than 8 bits a sample: save it again with 8")
    if image.mode in ("L", "RGB", "LA", "RGBA") and "transparency" not in image.info:
        return image
    if image.mode == "1":
        return image.convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def on_white(image: Image.Image) -> Floats:
    """Return a picture as (H, W, 3) in [0, 1], on white where it is transparent."""
    if image.mode in ("LA", "RGBA"):
        layers = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers)
    return np.asarray(np.asarray(image.convert("RGB"), np.float32) / 255, np.float32)


def has_16_bits(opened: Image.Image) -> bool:
    """Say whether a file, not yet decoded, has 16 bits a sample: Pillow would cut those of colors to 8, silently."""
    if not isinstance(opened, ImageFile.ImageFile):
        return False
    return any(";16" in str(layout) for *_, layout in opened.tile)


def profile(image: Image.Image) -> bytes | None:
    """Return the color profile that still says what the pixels mean, if the file had one of that kind."""
    found = image.info.get("icc_profile")
    # Bytes 16 to 20 of a profile name its color space: that of a converted picture (CMYK) no longer holds.
    space = b"GRAY" if image.mode in ("L", "LA") else b"RGB "
    return found if isinstance(found, bytes) and found[16:20] == space else None


def as_picture(values: Floats) -> Image.Image:
    """Return (H, W, 3) or (H, W) in about [0, 1] as a picture of 8 bits, RGB or grey."""
    return Image.fromarray((values.clip(0, 1) * 255).round().astype(np.uint8))


def png(image: Image.Image, icc_profile: bytes | None = None) -> bytes:
    """Return a picture as a PNG file's content."""
    content = io.BytesIO()
    image.save(content, format="PNG", icc_profile=icc_profile)
    return content.getvalue()
