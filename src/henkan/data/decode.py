"""Decode one picture file to 8-bit RGB, as a person would see it, or say in one line why not."""

from __future__ import annotations

import functools
import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from henkan.data.pictures import Picture
from henkan.errors import BrokenPicture
from henkan.files import regular
from henkan.ranks import say

EXTENSIONS = frozenset(
    {".avif", ".bmp", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tga", ".tif", ".tiff"}
    | {".webp"}
)
# Formats of several pages or frames. A JPEG's further pictures (MPO) are previews and depth, and no pages.
PAGED = ("TIFF", "GIF", "WEBP", "PNG")
TOLD_OF: set[str] = set()
WAY_OUT = "remove it or save it again as 8-bit RGB"
# What Pillow raises for EXIF that is damaged, and where it writes what it could read.
EXIF_ERRORS = (struct.error, TypeError, ValueError, SyntaxError, LookupError, AttributeError, OverflowError, OSError)
# How a picture is turned upright, by its orientation in EXIF.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode(path: Path, content: bytes | None = None) -> Picture:
    """Return the picture in `path`, (H, W, 3) uint8 sRGB: EXIF orientation applied, transparency on white.

    With `content`, the picture that these bytes are, which lie there: in an archive, in a column of a table.

    Grey, palette and CMYK become RGB, 16 bits become 8, and colors of another profile those of sRGB. Of several pages
    or frames the first is read, with a word. Raises `BrokenPicture` naming the file if it is missing, no picture,
    truncated, or of floating-point or 32-bit samples, whose range nobody knows.
    """
    with opened(path, content) as image:
        if image.format in PAGED and getattr(image, "is_animated", False):
            tell_of_pages(path, image.format)
        return np.ascontiguousarray(_rgb(upright(image), path))


def picture_size(path: Path) -> tuple[int, int]:
    """Return height and width of a picture as it is stored, without decoding it."""
    with opened(path) as image:
        return image.height, image.width


@contextmanager
def opened(path: Path, content: bytes | None = None) -> Iterator[Image.Image]:
    """Open a picture file; what is not there, no picture or damaged becomes one line, while it is decoded too.

    With `content`, the bytes of a picture that lies in another file.
    """
    try:
        with Image.open(regular(path) if content is None else io.BytesIO(content)) as image:
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


def upright(image: Image.Image) -> Image.Image:
    """Return a picture as its camera was held. EXIF is not written for that: what cannot be read there says nothing."""
    image.load()
    try:
        turn = TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except EXIF_ERRORS:
        turn = None
    return image.copy() if turn is None else image.transpose(turn)


def tell_of_pages(path: Path, format: str) -> None:
    """Say once in a process for each format that pages or frames are left out."""
    if format not in TOLD_OF:
        TOLD_OF.add(format)
        say(f"{path} has several pages or frames: the first is read, of others like it too")


def _rgb(image: Image.Image, path: Path) -> Picture:
    if image.mode.startswith("I;16"):
        grey = (np.asarray(image).astype(np.uint32) + 128) // 257
        return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
    if image.mode in ("F", "I"):
        raise BrokenPicture(f"{path} has {'floating-point' if image.mode == 'F' else '32-bit'} samples: {WAY_OUT}")
    profile = image.info.get("icc_profile")
    if image.mode == "RGB" and "transparency" not in image.info:
        found = image
    elif image.has_transparency_data:
        layers = image.convert("RGBA")
        found = Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers).convert("RGB")
    else:
        found = image.convert("RGB")
    convert = to_srgb(profile) if isinstance(profile, bytes) else None
    return np.asarray(found if convert is None else ImageCms.applyTransform(found, convert))


@functools.lru_cache(maxsize=16)
def to_srgb(profile: bytes) -> ImageCms.ImageCmsTransform | None:
    """Return what turns the RGB of a color profile into sRGB; None where it is sRGB, no RGB, or no profile at all."""
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if own.profile.xcolor_space.strip() != "RGB" or "sRGB" in (own.profile.profile_description or ""):
            return None
        return ImageCms.buildTransform(own, ImageCms.createProfile("sRGB"), "RGB", "RGB")
    except (ImageCms.PyCMSError, OSError):
        return None
