"""Decode one picture file to 8-bit RGB, as a person would see it, or say in one line why not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from henkan.data.pictures import Picture
from henkan.errors import BrokenPicture
from henkan.files import regular

EXTENSIONS = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
WAY_OUT = "remove it or save it again as 8-bit RGB"


def decode(path: Path) -> Picture:
    """Return the picture in `path`, (H, W, 3) uint8 RGB: EXIF orientation applied, transparency on white.

    Grey, palette and CMYK become RGB, 16 bits become 8. Raises `BrokenPicture` naming the file if it is missing,
    no picture, truncated, or of floating-point or 32-bit samples, whose range nobody knows.
    """
    with opened(path) as image:
        return np.ascontiguousarray(_rgb(ImageOps.exif_transpose(image), path))


def picture_size(path: Path) -> tuple[int, int]:
    """Return height and width of a picture as it is stored, without decoding it."""
    with opened(path) as image:
        return image.height, image.width


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Open a picture file; what is not there, no picture or damaged becomes one line, while it is decoded too."""
    try:
        with Image.open(regular(path)) as image:
            yield image
    except FileNotFoundError as error:
        raise BrokenPicture(
            f"there is no picture {path}: name one, or start again if its folder has changed"
        ) from error
    except UnidentifiedImageError as error:
        raise BrokenPicture(f"{path} is not a picture: {WAY_OUT}") from error
    except Image.DecompressionBombError as error:
        raise BrokenPicture(f"{path} has too many pixels: make it smaller") from error
    # Pillow's decoders report broken data by all of these.
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise BrokenPicture(f"{path} cannot be decoded ({error}): {WAY_OUT}") from error


def _rgb(image: Image.Image, path: Path) -> Picture:
    if image.mode == "RGB" and "transparency" not in image.info:
        return np.asarray(image)
    if image.mode.startswith("I;16"):
        grey = (np.asarray(image).astype(np.uint32) + 128) // 257
        return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
    if image.mode in ("F", "I"):
        raise BrokenPicture(f"{path} has {'floating-point' if image.mode == 'F' else '32-bit'} samples: {WAY_OUT}")
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        paper = Image.new("RGBA", layers.size, "white")
        return np.asarray(Image.alpha_composite(paper, layers).convert("RGB"))
    return np.asarray(image.convert("RGB"))
