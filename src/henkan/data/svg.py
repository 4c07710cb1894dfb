"""Read the strokes of an SVG file: its dark lines, flattened, in the unit square."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any
from xml.etree.ElementTree import ParseError

import numpy as np
from numpy.typing import NDArray
from svgelements import SVG, Close, Color, Group, Line, Move, Path, Shape, Use

from henkan.data.strokes import Strokes
from henkan.errors import UserError

# Points that stand for a curve.
POINTS_A_CURVE = 8
# Of 255: a lighter color is no ink.
DARK = 96


def read_strokes(path: FilePath, group: str | None = None) -> Strokes:
    """Return the strokes of an SVG file in units of its longer side, widths too; areas of dark ink are `filled`.

    With `group`, only what lies in groups whose id begins so. Raises `UserError` naming the file if it is no SVG, and
    if nothing in it is drawn with a dark line or filled with dark ink.
    """
    try:
        svg = SVG.parse(str(path), reify=True)
    except FileNotFoundError:
        raise UserError(f"there is no drawing {path}") from None
    except (ParseError, ValueError, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not a readable SVG file ({error}): remove it or save it again") from error
    side = max(float(svg.width or 0), float(svg.height or 0))
    lines: list[NDArray[np.float64]] = []
    widths: list[float] = []
    filled: list[bool] = []
    for shape in shapes(svg, group, group is None):
        stroked = dark(shape.stroke) and bool(shape.stroke_width)
        inked = dark(shape.fill) and not stroked
        if stroked or inked:
            for line in flattened(shape):
                lines.append(line)
                widths.append(float(shape.stroke_width) if stroked else 0.0)
                filled.append(inked)
    if not lines or side <= 0:
        raise UserError(f"{path} has no strokes: it has no dark line and no dark area")
    strokes = Strokes.of([line / side for line in lines], filled=filled)
    strokes.width[:] = np.array(widths, np.float32) / side
    return strokes


def shapes(node: Any, group: str | None, inside: bool) -> Iterator[Any]:
    """Yield the shapes below a node of the file, in the order of drawing."""
    for element in node:
        # A clone holds what it is a clone of.
        if isinstance(element, Group | Use):
            yield from shapes(element, group, inside or str(element.id or "").startswith(group or ""))
        elif isinstance(element, Shape) and inside:
            yield element


def dark(color: Color | None) -> bool:
    """Whether a color is ink: dark, and not transparent."""
    if color is None or color.value is None or color.alpha < 128:
        return False
    return float(0.299 * color.red + 0.587 * color.green + 0.114 * color.blue) < DARK


def flattened(shape: Any) -> Iterator[NDArray[np.float64]]:
    """Yield each part of a shape as a polyline (n, 2)."""
    for part in Path(shape).as_subpaths():
        points: list[NDArray[np.float64]] = []
        for segment in Path(part):
            if isinstance(segment, Move | Line | Close):
                if segment.end is not None:
                    points.append(np.array([[segment.end.x, segment.end.y]]))
            else:
                points.append(np.asarray(segment.npoint(np.linspace(0, 1, POINTS_A_CURVE + 1)[1:]), float))
        if points:
            line = np.concatenate(points)
            # A dot, drawn by a round pen, has no length.
            yield line if len(line) > 1 else np.repeat(line, 2, axis=0)
