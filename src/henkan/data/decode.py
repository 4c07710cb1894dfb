"""Decode one picture file to 8-bit RGB, as a person would see it, or say in one line why not."""

from __future__ import annotations

import functools
import io
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from henkan.data.notices import once
from henkan.data.pictures import Picture
from henkan.errors import BrokenPicture
from henkan.files import LFS_POINTER, regular

EXTENSIONS = frozenset(
    {".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pgm", ".png", ".ppm"}
    | {".tga", ".tif", ".tiff", ".webp"}
)
# How a HEIC begins after its first four bytes, whatever its name.
HEIC = (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypheim", b"ftypheis", b"ftypmif1", b"ftypmsf1")
# Formats of several pages or frames. A JPEG's further pictures (MPO) are previews and depth, and no pages.
PAGED = ("TIFF", "GIF", "WEBP", "PNG")
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
# Turns after which height is width.
LYING = frozenset(TURNS[orientation] for orientation in (5, 6, 7, 8))


Size = tuple[int, int]
"""Height and width of a picture that is seen upright."""


def is_picture(ending: str) -> bool:
    """Whether files whose names end so, in `.jpg` or `.JPG` say, are pictures."""
    return ending.lower() in EXTENSIONS


class Reading(NamedTuple):
    """A picture of `size` whose sides were divided `by` so much; `reducible`: whether its file could be read so."""

    picture: Picture
    size: Size
    by: int
    reducible: bool


def decode(path: Path, content: bytes | None = None) -> Picture:
    """Return the picture in `path`, (H, W, 3) uint8 sRGB: EXIF orientation applied, transparency on white.

    With `content`, the picture that these bytes are, which lie there: in an archive, in a column of a table.

    Grey, palette and CMYK become RGB, 16 bits become 8, and colors of another profile those of sRGB. Of several pages
    or frames the first is read, with a word. Raises `BrokenPicture` naming the file if it is missing, no picture,
    truncated, or of floating-point or 32-bit samples, whose range nobody knows.
    """
    with opened(path, content) as image:
        return _decoded(image, path)


def decode_for(path: Path, choose: Callable[[int, int], int]) -> Reading:
    """Return what `decode` returns, its sides divided by 1, 2, 4 or 8 while it is decoded if it is a JPEG.

    `choose(height, width)` says by how much; it is called once, for other files too, which are read whole. What remains
    of a side is rounded up. A JPEG's means are those of its blocks: a quarter of the time, and close to means over
    areas.
    """
    with opened(path) as image:
        reducible = isinstance(image, JpegImageFile)
        if reducible:
            size = (image.width, image.height) if _turn(image) in LYING else (image.height, image.width)
            if (by := choose(*size)) > 1:
                image.draft(None, (image.width // by, image.height // by))
        picture = _decoded(image, path)
    if not reducible:
        by, size = 1, (picture.shape[0], picture.shape[1])
        choose(*size)
    return Reading(picture, size, by, reducible)


def _decoded(image: Image.Image, path: Path) -> Picture:
    if image.format in PAGED and getattr(image, "is_animated", False):
        told = f"{path} has several pages or frames: the first is read, of others like it too"
        once(f"pages of {image.format}", told)
    return np.ascontiguousarray(_rgb(upright(image), path, in_16_bits(image)))


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
        with _open(path, content) as image:
            yield image
    except FileNotFoundError as error:
        raise BrokenPicture(
            f"there is no picture {path}: name one, or start again if its folder has changed"
        ) from error
    except UnidentifiedImageError as error:
        raise BrokenPicture(f"{path} {_what(path, content)}") from error
    except Image.DecompressionBombError as error:
        raise BrokenPicture(f"{path} has too many pixels: make it smaller") from error
    # Pillow's decoders report broken data by all of these.
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise BrokenPicture(f"{path} cannot be decoded ({error}): {WAY_OUT}") from error


def _what(path: Path, content: bytes | None) -> str:
    """Return what a file is that is no picture, and what to do."""
    with path.open("rb") if content is None else io.BytesIO(content) as file:
        begin = file.read(len(LFS_POINTER))
    if begin == LFS_POINTER:
        return "is a pointer of Git LFS: git lfs pull fetches the file"
    return f"{'is not a picture' if begin else 'is empty'}: {WAY_OUT}"


def _open(path: Path, content: bytes | None) -> Image.Image:
    """Open a picture by Pillow, which is taught HEIC with the first of them. Raises `BrokenPicture` without."""

    def source() -> Path | io.BytesIO:
        return regular(path) if content is None else io.BytesIO(content)

    try:
        return Image.open(source())
    except UnidentifiedImageError:
        with path.open("rb") if content is None else io.BytesIO(content) as file:
            begin = file.read(12)
        if begin[4:] not in HEIC:
            raise
    try:
        from pi_heif import register_heif_opener
    except ImportError as error:
        raise BrokenPicture(f"{path} is HEIC, which needs the package pi-heif: pip install 'henkan[heic]'") from error
    register_heif_opener()
    return Image.open(source())


def upright(image: Image.Image) -> Image.Image:
    """Return a picture as its camera was held. EXIF is not written for that: what cannot be read there says nothing."""
    image.load()
    turn = _turn(image)
    return image.copy() if turn is None else image.transpose(turn)


def _turn(image: Image.Image) -> Image.Transpose | None:
    try:
        return TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except EXIF_ERRORS:
        return None


def in_16_bits(image: Image.Image) -> bool:
    """Whether a picture is grey of 16 bits: that of a PGM is of Pillow's mode for 32, with values up to 65,535."""
    return image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM")


def _rgb(image: Image.Image, path: Path, deep: bool) -> Picture:
    if deep:
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
