"""Pictures as people have them: read in their own mode, written as PNG, JPEG or WebP with what their files say."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageFile
from PIL.PngImagePlugin import PngInfo

from henkan.data.decode import EXIF_ERRORS, PAGED, opened, upright
from henkan.data.drawings import Floats
from henkan.errors import UserError
from henkan.ranks import say

# How a picture is written, by the ending of its file.
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
# What TIFF says in EXIF's tags of how the file is built, and the orientation, which is applied: not kept.
BUILT = {254, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 318, 319, 320, 322, 323, 324, 325, 330, 332}
BUILT |= {338, 339, 347, 512, 513, 514, 529, 530, 531, 532, 700, 33723, 34377, 34675, ExifTags.Base.Orientation}
# Of the camera's own tags: width and height, which may be others now.
SIDES = (0xA002, 0xA003)
# What JPEG has room for.
LARGEST_EXIF, LARGEST_COMMENT = 65_000, 65_000
# Texts of a PNG that are no texts.
PROFILES = ("Raw profile type", "XML:com.adobe.xmp")


def pages(path: Path) -> int:
    """Return how many pages or frames a picture file has."""
    with opened(path) as file:
        return getattr(file, "n_frames", 1) if file.format in PAGED else 1


def read(path: Path, page: int = 0) -> Image.Image:
    """Return a picture (or a page of it) as a person sees it, grey, RGB, or either with alpha.

    Its `info` holds what a file keeps beside the pixels: `icc_profile`, `exif`, `dpi`, `text`. Raises `UserError` for
    all other modes.
    """
    with opened(path) as file:
        if page:
            file.seek(page)
        deep = has_16_bits(file)
        image = upright(file)
        info = said(file, path)
    image = in_8_bits(image, deep, path)
    image.info = dict(info.items())
    return image


def in_8_bits(image: Image.Image, deep: bool, path: Path) -> Image.Image:
    """Return a picture in one of the modes of `read`."""
    if deep or image.mode.startswith(("I", "F")):
        raise UserError(f"{path} has more than 8 bits a sample: save it again with 8")
    if image.mode in ("L", "RGB", "LA", "RGBA") and "transparency" not in image.info:
        return image
    if image.mode in ("La", "RGBa"):
        # Multiplied by their opacity already; Pillow undoes that for colors alone.
        return image.convert("LA" if image.mode == "La" else "RGBA")
    kind = "L" if image.mode in ("1", "L") else "RGB"
    return image.convert(f"{kind}A" if image.has_transparency_data else kind)


def beside(image: Image.Image) -> dict[str, Any]:
    """Return what `read` has noted of a picture's file."""
    return {str(key): value for key, value in image.info.items()}


def said(file: Image.Image, path: Path) -> dict[str, Any]:
    """Return what an open file says beside its pixels; EXIF that cannot be written again is left out with a word."""
    found: dict[str, Any] = {"text": texts(file)}
    if isinstance(profile := file.info.get("icc_profile"), bytes):
        found["icc_profile"] = profile
    dpi = file.info.get("dpi")
    if isinstance(dpi, tuple) and len(dpi) == 2 and all(1 <= float(value) < 1e5 for value in dpi):
        found["dpi"] = (float(dpi[0]), float(dpi[1]))
    try:
        exif = file.getexif()
        for tag in BUILT:
            exif.pop(tag, None)
        if ExifTags.IFD.Exif in exif:
            for tag in SIDES:
                exif.get_ifd(ExifTags.IFD.Exif).pop(tag, None)
        if len(exif):
            found["exif"] = exif.tobytes()
    except EXIF_ERRORS:
        say(f"{path}: its EXIF is damaged, and left out")
    return found


def texts(file: Image.Image) -> dict[str, str]:
    """Return the texts of a PNG, or a comment as the text of this name."""
    own: Mapping[str, str] = getattr(file, "text", {})
    found = {key: str(value) for key, value in own.items() if not key.startswith(PROFILES)}
    comment = file.info.get("comment")
    if isinstance(comment, bytes) and comment.strip(b"\0 "):
        found.setdefault("Comment", comment.decode("utf-8", "replace").strip("\0"))
    return found


def on_white(image: Image.Image) -> Floats:
    """Return a picture as (H, W, 3) in [0, 1], on white where it is transparent."""
    if image.mode in ("LA", "RGBA"):
        layers = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers)
    return np.asarray(np.asarray(image.convert("RGB"), np.float32) / 255, np.float32)


def has_16_bits(file: Image.Image) -> bool:
    """Say whether a file, not yet decoded, has 16 bits a sample: Pillow would cut those of colors to 8, silently."""
    return isinstance(file, ImageFile.ImageFile) and any(
        # A PPM says its largest value.
        ";16" in str(layout) or (file.format == "PPM" and isinstance(layout, tuple) and layout[-1] > 255)
        for *_, layout in file.tile
    )


def profile(image: Image.Image) -> bytes | None:
    """Return the color profile that still says what the pixels mean, if the file had one of that kind."""
    found = image.info.get("icc_profile")
    # Bytes 16 to 20 of a profile name its color space: that of a converted picture (CMYK) no longer holds.
    space = b"GRAY" if image.mode in ("L", "LA") else b"RGB "
    return found if isinstance(found, bytes) and found[16:20] == space else None


def as_picture(values: Floats) -> Image.Image:
    """Return (H, W, 3) or (H, W) in about [0, 1] as a picture of 8 bits, RGB or grey."""
    return Image.fromarray((values.clip(0, 1) * 255).round().astype(np.uint8))


def png(image: Image.Image) -> bytes:
    """Return a picture as a PNG file's content, its pixels alone."""
    return encoded(image, ".png", {})


def encoded(
    image: Image.Image, ending: str, said: Mapping[str, Any], icc_profile: bytes | None = None, quality: int = 95
) -> bytes:
    """Return a picture as the content of a file of this ending, with what `said` (the `info` of `read`) says beside it.

    WebP has neither dpi nor texts. Raises `UserError` where the format cannot hold the picture.
    """
    kind, content = FORMATS[ending], io.BytesIO()
    beside: dict[str, Any] = {"icc_profile": icc_profile}
    text, exif = said.get("text") or {}, said.get("exif")
    if exif is not None and (kind != "JPEG" or len(exif) < LARGEST_EXIF):
        beside["exif"] = exif
    if kind != "WEBP" and "dpi" in said:
        beside["dpi"] = said["dpi"]
    if kind != "PNG":
        beside["quality"] = quality
    if kind == "PNG" and text:
        beside["pnginfo"] = PngInfo()
        for key, value in text.items():
            beside["pnginfo"].add_text(key, value)
    if kind == "JPEG":
        lines = [value if key == "Comment" else f"{key}: {value}" for key, value in text.items()]
        beside["comment"] = "\n".join(lines).encode()[:LARGEST_COMMENT]
        image = opaque(image)
    # What Pillow has not been given it takes from here.
    image = image.copy()
    image.info = {}
    try:
        image.save(content, format=kind, **beside)
    except (OSError, ValueError) as error:
        raise UserError(f"{image.width}x{image.height} pixels do not fit into {kind} ({error}): format=png") from error
    return content.getvalue()


def opaque(image: Image.Image) -> Image.Image:
    """Return a picture without its alpha; raises `UserError` where that says something."""
    if image.mode not in ("LA", "RGBA"):
        return image
    if np.asarray(image.getchannel("A")).min() < 255:
        raise UserError("it is transparent in places, which JPEG cannot hold: format=png or format=webp")
    return image.convert("L" if image.mode == "LA" else "RGB")
