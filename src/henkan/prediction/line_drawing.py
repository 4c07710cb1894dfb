"""Turn a scanned or photographed page into what a network of drawings makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import cv2
import numpy as np
from PIL import Image
from torch import Tensor

from henkan.color import LUMA
from henkan.data.drawings import WHITE, Floats, lines_are_light, most
from henkan.data.paper import evened
from henkan.errors import UserError
from henkan.prediction.given import NOTHING, Given
from henkan.prediction.pictures import as_picture, on_white, png
from henkan.prediction.predictor import PICTURE, Predictor, check_size
from henkan.ranks import say

# Paper that is as colorless as this, and as light as `WHITE`, counts as white.
COLORLESS = 0.06
# What paper has less of than this, of red, green or blue, cannot be told from nothing.
FAINTEST = 0.04
# Paper whose darkest part has less than this share of the light is said to be lit unevenly.
UNEVEN = 0.9
# Red, green and blue as one tone.
WEIGHTS = np.array(LUMA, np.float32)
# Spots of so many pixels are left out of a vector file.
SPECKLE = 4


class RedrawPages(Predictor):
    """Gives the whole page to the network, in tiles that fit the budget. Paper is made white before."""

    profiled = False

    @property
    def endings(self) -> tuple[str, ...]:
        return (self.ending, ".svg") if self.cfg.vector else (self.ending,)

    def check(self, given: Mapping[str, Any]) -> None:
        if self.cfg.vector not in (None, "svg"):
            raise UserError(f"vector={self.cfg.vector} must be svg, or null")
        super().check(given)

    def made(self, image: Image.Image, given: Given = NOTHING, name: str = PICTURE) -> Image.Image:
        drawn = whitened(on_white(image), name, self.cfg.invert)
        if self.cfg.resize != 1.0:
            drawn = rescaled(drawn, self.cfg.resize, name)
        self.compare_lines(drawn, name)
        return as_picture(self.redrawn(drawn))

    def files(self, made: Image.Image, source: Image.Image) -> Iterator[tuple[str, bytes]]:
        yield from super().files(made, source)
        if self.cfg.vector == "svg":
            yield ".svg", traced(made)

    def redrawn(self, page: Floats) -> Floats:
        """Return the network's drawing of a page (H, W) in [0, 1]."""
        channels = int(self.trained.channels)

        def draw(page: Tensor) -> Tensor:
            return self.output(page.expand(-1, channels, -1, -1)).mean(1, keepdim=True)

        return self.in_tiles(page[..., None], draw)[..., 0]


def whitened(picture: Floats, name: str, invert: bool) -> Floats:
    """Return a drawing (H, W) whose paper is white, from a picture (H, W, 3) of it.

    The paper's color is that of most pixels, and how light it is may differ from place to place (see `evened`). Raises
    `UserError` for light lines on dark paper, unless `invert` says so.
    """
    if invert:
        picture = 1 - picture
    paper = np.array([most(picture[..., channel]) for channel in range(3)])
    if lines_are_light(picture @ WEIGHTS, float(paper @ WEIGHTS)):
        way = "drop invert=true" if invert else "invert=true turns it around"
        raise UserError(f"{name} looks like light lines on dark paper, and dark lines on light paper are needed: {way}")
    if paper.min() < WHITE or np.ptp(paper) > COLORLESS:
        color = "#" + "".join(f"{round(255 * value):02x}" for value in paper)
        say(f"{name}: its paper is {color}, and is taken for white")
    # A color that the paper has nothing of says nothing about lines.
    shade = np.where(paper > FAINTEST, picture / np.maximum(paper, FAINTEST), 1)
    page, evenness = evened(np.asarray(shade @ WEIGHTS, np.float32))
    if evenness < UNEVEN:
        say(f"{name}: its paper is lit unevenly, down to {evenness:.0%} of its lightest part, and is made white there")
    return page


def rescaled(page: Floats, scale: float, name: str) -> Floats:
    """Return a page enlarged or shrunk. Raises `UserError` naming it where it becomes too large."""
    height, width = (max(8, round(side * scale)) for side in page.shape)
    check_size(width, height, f"resize={scale:g}", name)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(page, (width, height), interpolation=method), np.float32).clip(0, 1)


def traced(drawing: Image.Image) -> bytes:
    """Return a drawing as an SVG file of black shapes: its lines' outlines, traced."""
    try:
        import vtracer
    except ImportError as error:
        raise UserError("vector=svg needs the package vtracer: pip install 'henkan[vector]'") from error
    ink = drawing.point(lambda tone: 255 if tone >= 128 else 0)
    svg: str = vtracer.convert_raw_image_to_svg(
        png(ink.convert("RGB")), img_format="png", colormode="binary", filter_speckle=SPECKLE
    )
    return svg.encode()
