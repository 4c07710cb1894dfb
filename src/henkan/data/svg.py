"""Read the strokes of an SVG file: its dark lines, flattened, in the unit square."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath
from typing import Any
from xml.etree.ElementTree import ParseError

import cv2
import numpy as np
from numpy.typing import NDArray
from svgelements import SVG, Arc, Close, Color, Group, Line, Move, Path, Shape, Use

from henkan.data.strokes import Strokes
from henkan.errors import UserError

# Points that stand for a curve.
POINTS_A_CURVE = 8
# Of an arc, in radians, that a line stands for at most: a third of a thousandth of the radius off.
ARC = math.radians(3.0)
# Counted up when files are read otherwise: what a cache has of before is not taken.
READER = 4
# Of 255: a lighter color is no ink.
DARK = 96

# How svgelements says that it makes no sense of a file: thousands of nested groups, a clone of itself, half a rotation.
UNREADABLE = (ParseError, ValueError, OSError, RecursionError, AttributeError, LookupError, TypeError, ArithmeticError)


def read_strokes(path: FilePath, group: str | None = None) -> Strokes:
    """Return the strokes of an SVG file in units of its longer side, widths too; areas of dark ink are `filled`.

    With `group`, only what lies in groups whose id begins so. Raises `UserError` naming the file if it is no SVG, and
    if nothing in it is drawn with a dark line or filled with dark ink.
    """
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return strokes_of(SVG.parse(str(path), reify=True), path, group)
    except FileNotFoundError:
        raise UserError(f"there is no drawing {path}") from None
    except UNREADABLE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path} is not a readable SVG file ({reason}): remove it or save it again") from error


def strokes_of(svg: Any, path: FilePath, group: str | None) -> Strokes:
    """Return the strokes of a parsed file; see `read_strokes`."""
    side = max(float(svg.width or 0), float(svg.height or 0))
    lines: list[NDArray[np.float64]] = []
    widths: list[float] = []
    filled: list[bool] = []
    for shape in shapes(svg, group, group is None):
        # What is both is an area with a line around it.
        for inked, width in ((dark(shape.fill), 0.0), (False, shape.stroke_width if dark(shape.stroke) else 0.0)):
            if inked or width:
                parts = list(flattened(shape))
                for line in areas(parts) if inked else parts:
                    lines.append(line)
                    widths.append(float(width))
                    filled.append(inked)
    if not lines or side <= 0:
        raise UserError(f"{path} has no strokes: it has no dark line and no dark area")
    strokes = Strokes.of([line / side for line in lines], filled=filled)
    strokes.width[:] = np.array(widths, np.float32) / side
    if not (np.isfinite(strokes.points).all() and np.isfinite(strokes.width).all()):
        raise UserError(f"{path} is not a readable SVG file (a line of it has no end): remove it or save it again")
    return strokes


def shapes(node: Any, group: str | None, inside: bool) -> Iterator[Any]:
    """Yield the shapes below a node of the file that are seen, in the order of drawing."""
    for element in node:
        # A clone holds what it is a clone of.
        if isinstance(element, Group | Use):
            yield from shapes(element, group, inside or str(element.id or "").startswith(group or ""))
        elif isinstance(element, Shape) and inside and element.values.get("visibility", "visible") == "visible":
            yield element


def dark(color: Color | None) -> bool:
    """Whether a color is ink: dark, and not transparent."""
    if color is None or color.value is None or color.alpha < 128:
        return False
    return float(0.299 * color.red + 0.587 * color.green + 0.114 * color.blue) < DARK


def flattened(shape: Any) -> Iterator[NDArray[np.float64]]:
    """Yield each part of a shape as a polyline (n, 2)."""
    # A turned rectangle or ellipse keeps its turn apart until it is asked for.
    for part in abs(Path(shape)).as_subpaths():
        points: list[NDArray[np.float64]] = []
        for segment in Path(part):
            if isinstance(segment, Move | Line | Close):
                if segment.end is not None:
                    points.append(np.array([[segment.end.x, segment.end.y]]))
            else:
                # An arc may go all the way round.
                turn = abs(segment.sweep) if isinstance(segment, Arc) else 0.0
                count = max(POINTS_A_CURVE, math.ceil(turn / ARC))
                points.append(np.asarray(segment.npoint(np.linspace(0, 1, count + 1)[1:]), float))
        if points:
            line = np.concatenate(points)
            # A dot, drawn by a round pen, has no length.
            yield line if len(line) > 1 else np.repeat(line, 2, axis=0)


def areas(parts: Sequence[NDArray[np.float64]]) -> Iterator[NDArray[np.float64]]:
    """Yield outlines (n, 2) of the areas that the parts of a shape enclose by the even-odd rule, one a connected area.

    What encloses nothing, a straight line say, is none. A hole is joined to the outline around it by a cut there and
    back, so that every area is one line.
    """
    outlines = [part.astype(np.float32) for part in parts]
    sizes = [cv2.contourArea(outline) for outline in outlines]
    order = sorted((k for k, size in enumerate(sizes) if size > 0), key=lambda k: -sizes[k])
    around = {
        k: [j for j in order[:rank] if cv2.pointPolygonTest(outlines[j], outlines[k][0].tolist(), False) > 0]
        for rank, k in enumerate(order)
    }
    found = {k: parts[k] for k in order if len(around[k]) % 2 == 0}
    for hole in [k for k in order if k not in found]:
        # The innermost of those around it is the area that it is a hole of; outlines that cross have none.
        owner = max((j for j in around[hole] if j in found), key=lambda j: len(around[j]), default=None)
        if owner is None:
            found[hole] = parts[hole]
        else:
            found[owner] = with_hole(found[owner], parts[hole])
    yield from found.values()


def with_hole(outline: NDArray[np.float64], hole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an outline with a hole in one line, cut where they are nearest."""
    distances = np.linalg.norm(outline[:, None] - hole[None], axis=2)
    here, there = np.unravel_index(int(distances.argmin()), distances.shape)
    turned = np.concatenate((hole[there:], hole[: there + 1]))
    return np.concatenate((outline[: here + 1], turned, outline[here:]))
