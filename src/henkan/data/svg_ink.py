"""What of an SVG drawing is seen, by the renderer's judgement: strokes cut to what is seen of them, areas traced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import cv2
import numpy as np
import resvg_py
from numpy.typing import NDArray

from henkan.data.outlines import Line, traced
from henkan.data.svg_document import Document

Tones = NDArray[np.uint8]
Marked = NDArray[np.bool_]

# Of 255: a lighter color is no ink.
DARK = 96
# Pixels of a page's longer side that is looked at, and the thinnest pen that is seen there for sure.
LOOKED_AT, THIN = 1024, 2.0
# How many pixels apart a line is looked at, and how much narrower than the pen the ink around it may be.
STEP, NARROWER = 0.5, 1.0
# A line that is hidden for so many pixels is seen; so many pages away it is not looked at.
BRIDGED, AWAY = 2.0, 50.0
# Fewer pixels are no area; an area reaches so far under the lines around it.
SPECK, REACH = 4, 3
# What shines through more than half hides nothing.
HIDES = 0.5
GONE = "opacity:1;filter:none;mix-blend-mode:normal;isolation:auto"


@dataclass(frozen=True)
class Stroke:
    """The lines of a shape's stroke, in shares of the page's longer side, and its pen; `number` is the shape's."""

    number: int
    lines: Sequence[Line]
    pen: float
    dashed: bool


def seen(document: Document, strokes: Sequence[Stroke]) -> tuple[list[tuple[Line, float]], list[Line]]:
    """Return what is seen of strokes as lines with their pens, and as areas all other dark ink of a document.

    `strokes` are those that may be ink; the document has its page. All in shares of the page's longer side.
    """
    pens = {stroke.number: max(stroke.pen * LOOKED_AT, THIN) for stroke in strokes}
    thick = {stroke.number: pens[stroke.number] / LOOKED_AT / stroke.pen for stroke in strokes}
    tones, topmost = tones_of(document, thick), strokes_of(document, thick)
    dark = tones < DARK
    around = np.asarray(cv2.distanceTransform(dark.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
    reached = cv2.dilate(topmost.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    found: list[tuple[Line, float]] = []
    explained = np.zeros(dark.shape, np.uint8)
    for stroke in strokes:
        pen = pens[stroke.number]
        pieces = [
            piece for line in stroke.lines for piece in visible(line * LOOKED_AT, pen, stroke.dashed, around, reached)
        ]
        found += [(piece / LOOKED_AT, stroke.pen) for piece in pieces]
        # Joins and caps reach further than a round pen.
        cv2.polylines(explained, [fixed(piece) for piece in pieces], False, 1, round(2 * pen + 2), cv2.LINE_8, 4)
    rest = dark & ~(topmost & (explained > 0))
    _, labels, sizes, _ = cv2.connectedComponentsWithStats(rest.astype(np.uint8), connectivity=8)
    kept = sizes[:, cv2.CC_STAT_AREA] >= SPECK
    kept[0] = False
    rest = kept[labels]
    reach = np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)
    outlines = traced(tones, DARK, dark & (cv2.dilate(rest.astype(np.uint8), reach) > 0))
    return found, [outline / LOOKED_AT for outline in outlines]


def visible(line: Line, pen: float, dashed: bool, around: NDArray[np.float32], topmost: Marked) -> Iterator[Line]:
    """Yield the pieces of a line, in pixels, along which nothing but ink lies under a pen of so many pixels."""
    if np.abs(line).max() > AWAY * LOOKED_AT:
        return
    along = np.concatenate(([0.0], np.hypot(*np.diff(line, axis=0).T).cumsum()))
    where = np.linspace(0.0, along[-1], int(np.ceil(along[-1] / STEP)) + 1)
    x, y = (np.interp(where, along, values) for values in line.T)
    height, width = around.shape
    inside = (np.minimum(x, y) > -pen / 2) & (x < width + pen / 2) & (y < height + pen / 2)
    row, column = y.clip(0, height - 1).astype(int), x.clip(0, width - 1).astype(int)
    there = inside & topmost[row, column] & (around[row, column] >= pen / 2 - NARROWER)
    edges = np.flatnonzero(np.diff(there, prepend=False, append=False)).reshape(-1, 2)
    if not len(edges):
        return
    # Short gaps are bridged, but for the gaps of dashes.
    apart = np.ones(len(edges) + 1, bool)
    apart[1:-1] = (edges[1:, 0] - edges[:-1, 1]) * STEP > (0.0 if dashed else BRIDGED)
    begins, ends = edges[apart[:-1], 0], edges[apart[1:], 1] - 1
    # A line that ends without a round cap is as it was drawn.
    cap = pen / 2 + BRIDGED
    begins[where[begins] <= cap], ends[where[ends] >= along[-1] - cap] = 0, len(where) - 1
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        if begin == 0 and end == len(where) - 1:
            yield line
        # Where other ink crosses what is hidden, a bit as long as it is wide is no line.
        elif dashed or where[end] - where[begin] > cap:
            inner = (along > where[begin]) & (along < where[end])
            yield (
                np.stack((x[[begin, end]], y[[begin, end]]), axis=1)
                if not inner.any()
                else np.concatenate(([[x[begin], y[begin]]], line[inner], [[x[end], y[end]]]))
            )


def fixed(line: Line) -> NDArray[np.int32]:
    """Return a line as OpenCV draws it, with four fractional bits; its pixels have their centers at whole numbers."""
    return np.round((line - 0.5) * 16).astype(np.int32)[:, None]


def tones_of(document: Document, thick: dict[int, float]) -> Tones:
    """Return a document on white paper, grey (H, W), the pens of some shapes so many times as wide."""
    for number, times in thick.items():
        shape = document.shapes[number]
        restyle(shape.element, f"stroke-width:{shape.width * times!r}")
    return rendered(document, "#ffffff")


def strokes_of(document: Document, strokes: dict[int, float]) -> Marked:
    """Return where some shapes' strokes are what lies uppermost of a document, (H, W); it is another one afterwards."""
    for number, shape in enumerate(document.shapes):
        paints = (shape.fill, shape.fill_opacity, "#000"), (shape.stroke, shape.stroke_opacity, "#fff")
        fill, stroke = (tone if paint != "none" and opacity >= HIDES else "none" for paint, opacity, tone in paints)
        if stroke == "#fff" and number not in strokes:
            stroke = "#000"
        restyle(shape.element, f"fill:{fill};stroke:{stroke};fill-opacity:1;stroke-opacity:1;{GONE}")
    for element in document.groups:
        restyle(element, GONE)
    for element in document.marks:
        restyle(element, "".join(f"{key}:#000;" for key in ("fill", "stroke") if f"{key}:none" not in style(element)))
    return rendered(document, "#000000") >= 128


def style(element: Element) -> str:
    return element.get("style", "")


def restyle(element: Element, more: str) -> None:
    """Give an element further properties, which override those that it has."""
    element.set("style", f"{style(element)};{more}")


def rendered(document: Document, background: str) -> Tones:
    """Return a document drawn on a color, its longer side `LOOKED_AT` pixels, grey (H, W)."""
    assert document.page is not None
    width, height = document.page
    side: dict[str, Any] = {"width": LOOKED_AT} if width >= height else {"height": LOOKED_AT}
    png = resvg_py.svg_to_bytes(
        svg_string=document.written(), background=background, **side, **(fonts() if document.text else NO_FONTS)
    )
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    return np.asarray(picture, np.uint8)


# Without a resolution, millimeters and points have no length.
NO_FONTS: dict[str, Any] = {"skip_system_fonts": True, "dpi": 96.0}


def fonts() -> dict[str, Any]:
    """Return what tells the renderer of fonts that are the same everywhere: those that matplotlib brings along."""
    found = find_spec("matplotlib")
    assert found is not None and found.origin is not None
    folder = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf"
    sans, serif, mono = "DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono"
    return {
        **NO_FONTS,
        "font_dirs": [str(folder)],
        "font_family": sans,
        "sans_serif_family": sans,
        "serif_family": serif,
        "cursive_family": sans,
        "fantasy_family": sans,
        "monospace_family": mono,
    }
