"""Numbers, lengths and areas of SVG files, in pixels of CSS."""

from __future__ import annotations

import re
from typing import TypeVar
from xml.etree.ElementTree import Element

LENGTHS = frozenset({"x", "y", "width", "height", "cx", "cy", "r", "rx", "ry", "x1", "y1", "x2", "y2"})
UPRIGHT = frozenset({"y", "height", "cy", "ry", "y1", "y2"})
UNITS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4, "q": 96 / 101.6}
# What a text has that does not say it.
FONT_SIZE = 16.0

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
LENGTH = re.compile(rf"\s*({NUMBER})\s*([A-Za-z%]*)\s*")
# More than a float of 32 bits holds.
HUGE = re.compile(r"\d[eE]\+?0*(?:\d{3,}|[4-9]\d)")

Other = TypeVar("Other", float, None)
Area = tuple[float, float]
"""Width and height."""


def number(text: str | None, otherwise: float) -> float:
    """Return a number, or a share in percent, as it is written."""
    found = LENGTH.fullmatch(text or "")
    return float(found[1]) * (0.01 if found[2] == "%" else 1.0) if found else otherwise


def length(text: str | None, whole: float, font: float, otherwise: Other) -> float | Other:
    """Return a length in pixels of CSS; percentages are of `whole`, and `otherwise` stands for what is none."""
    found = LENGTH.fullmatch(text or "")
    if found is None:
        return otherwise
    value, unit = float(found[1]), found[2].lower()
    if unit == "%":
        return value / 100 * whole
    if unit in ("em", "ex"):
        return value * font * (0.5 if unit == "ex" else 1.0)
    return value * UNITS[unit] if unit in UNITS else otherwise


def diagonal(area: Area) -> float:
    """Return what percentages of neither width nor height are of."""
    return float(((area[0] ** 2 + area[1] ** 2) / 2) ** 0.5)


def extent(root: Element) -> tuple[tuple[float, float] | None, tuple[float, float]]:
    """Return the size of a file's page, None where it follows from what is drawn, and of the area it is drawn in."""
    view = view_box(root)
    inside = (view[2], view[3]) if view else (100.0, 100.0)
    sizes = [
        None if text is None or (text.strip().endswith("%") and view is None) else length(text, whole, FONT_SIZE, None)
        for text, whole in ((root.get("width"), inside[0]), (root.get("height"), inside[1]))
    ]
    width, height = sizes
    if view and width is not None and height is None:
        height = width * inside[1] / inside[0]
    elif view and height is not None and width is None:
        width = height * inside[0] / inside[1]
    elif view and width is None and height is None:
        width, height = inside
    if width is None or height is None:
        return None, inside
    if not (0 < width < 1e9 and 0 < height < 1e9):
        raise ValueError(f"a page of {width:g} x {height:g}")
    return (width, height), inside if view else (width, height)


def view_box(element: Element) -> tuple[float, float, float, float] | None:
    """Return an element's viewBox, if it has a usable one."""
    numbers = [float(found) for found in re.findall(NUMBER, element.get("viewBox", ""))]
    if len(numbers) != 4 or not (0 < numbers[2] < 1e9 and 0 < numbers[3] < 1e9):
        return None
    return numbers[0], numbers[1], numbers[2], numbers[3]


def inner_viewport(element: Element, around: tuple[float, float]) -> tuple[float, float]:
    """Return the viewport that an <svg> inside a drawing makes."""
    if view := view_box(element):
        return view[2], view[3]
    width, height = (
        length(element.get(key), whole, FONT_SIZE, whole)
        for key, whole in zip(("width", "height"), around, strict=True)
    )
    return width, height
