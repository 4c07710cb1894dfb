"""OpenMoji's pictures with a map of what color each part has: a problem of segmentation without any download."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

import numpy as np

from henkan.data.openmoji_pairs import LINES, OpenMojiPairs, Redrawn
from henkan.data.pictures import Layer
from henkan.errors import UserError

# OpenMoji draws in these colors; those of skin and hair are told by the groups of a file.
GROUPS = {
    "white": ("#ffffff",),
    "grey": ("#d0cfce", "#9b9b9a", "#3f3f3f", "#000000"),
    "blue": ("#92d3f5", "#61b2e4", "#1e50a0"),
    "red": ("#ea5a47", "#d22f27", "#781e32"),
    "pink": ("#ffa7c0", "#e67a94"),
    "purple": ("#b399c8", "#8967aa"),
    "yellow": ("#fcea2b", "#f1b31c"),
    "orange": ("#f4aa41", "#e27022"),
    "green": ("#b1cc33", "#5c9e31", "#186648"),
    "brown": ("#a57939", "#6a462f"),
}
CLASSES = ("background", "skin", "hair", *GROUPS)
PAINTS = ("fill", "stroke")
# Through what is painted nothing shines: an area has one class.
SHEER = ("opacity", "fill-opacity", "stroke-opacity")


class OpenMojiParts(OpenMojiPairs):
    """`OpenMoji` with the class of each pixel as its companion `labels` (H, W, 1): the background, skin, hair, or ten
    groups of colors.

    What is below the lines counts, as far as something is painted there. `shown` is what the network is to look at:
    `lines`, the drawing alone, as the companion `source`, so that what has which color must be told from shapes; or
    `picture`, the colored picture, which a degradation should make harder.
    """

    def __init__(
        self,
        side: int,
        cache: str | Path | None = None,
        background: str = "#ffffff",
        shown: Literal["lines", "picture"] = "lines",
    ) -> None:
        if shown not in ("lines", "picture"):
            raise UserError(f"data.shown={shown} must be lines or picture")
        super().__init__(side, cache, background)
        self.shown, self._maps = shown, _Maps(side, cache)

    @property
    def classes(self) -> tuple[str, ...]:
        return CLASSES

    def prepare(self) -> None:
        super().prepare()
        self._maps.prepare()

    def companions(self, name: str) -> dict[str, Layer]:
        maps = {"labels": self._maps.picture(name)}
        return {**maps, "source": super().companions(name)["lines"]} if self.shown == "lines" else maps

    def manifest(self) -> str:
        content = super().manifest() + self._maps.manifest() + self.shown
        return blake2b(content.encode(), digest_size=16).hexdigest()


class _Maps(Redrawn):
    """The classes alone, rasterized once, as the color pictures are: class k is painted in the grey k."""

    channels = 1

    def __init__(self, side: int, cache: str | Path | None = None) -> None:
        super().__init__(side, cache, background="#000000")
        self.raster = self.raster.with_name(f"{self.raster.stem}-parts{len(CLASSES)}.npy")

    def redrawn(self, path: Path) -> bytes:
        return painted_by_class(path)


def painted_by_class(path: Path) -> bytes:
    """Return a color picture's SVG file without its lines, each part in the grey of its class, edges not smoothed."""
    root = ElementTree.parse(path).getroot()
    root.set("shape-rendering", "crispEdges")
    for group in list(root):
        kind = group.get("id", "").split("-")[0]
        if kind == LINES:
            root.remove(group)
            continue
        # Where nothing says what a part is painted in, it is black.
        if group.get("fill") is None:
            group.set("fill", "#000000")
        for element in group.iter():
            for paint in PAINTS:
                color = element.get(paint)
                if color is not None and color != "none":
                    level = CLASSES.index(kind if kind in CLASSES else color_group(color))
                    element.set(paint, f"#{level:02x}{level:02x}{level:02x}")
            if element.get("opacity") == "0":
                element.set("display", "none")
            for name in SHEER:
                element.attrib.pop(name, None)
    content: bytes = ElementTree.tostring(root)
    return content


def color_group(color: str) -> str:
    """Return the group that has the color nearest to `#rrggbb` or `#rgb`."""
    own = _levels(color)
    distances = {
        name: min(float(np.square(own - _levels(member)).sum()) for member in members)
        for name, members in GROUPS.items()
    }
    return min(distances, key=lambda name: distances[name])


def _levels(color: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    digits = color.removeprefix("#")
    digits = digits if len(digits) == 6 else "".join(2 * digit for digit in digits)
    return np.array([int(digits[place : place + 2], 16) for place in (0, 2, 4)])
