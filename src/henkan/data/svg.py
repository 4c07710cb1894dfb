"""Read the strokes of an SVG file: its dark lines, flattened, in the unit square."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path as FilePath
from typing import Any
from xml.etree.ElementTree import Element, ParseError, tostring

import numpy as np
from svgelements import SVG, Arc, Close, Color, Group, Line, Move, Path, Shape

from henkan.data.outlines import Line as Polyline
from henkan.data.outlines import areas, same_by_both_rules
from henkan.data.strokes import Strokes
from henkan.data.svg_document import Document
from henkan.data.svg_document import Shape as DrawnShape
from henkan.data.svg_ink import DARK, Stroke, seen
from henkan.data.svg_resolver import read_document
from henkan.errors import UserError
from henkan.ranks import say

# Points that stand for a curve.
POINTS_A_CURVE = 8
# Of a page's longer side, that a curve of a whole file strays by; of a group, eight points serve.
STRAYS = 1 / 8192
MOST_POINTS = 1000
# Of an arc, in radians, that a line stands for at most: a third of a thousandth of the radius off.
ARC = math.radians(3.0)
# Counted up when files are read otherwise: what a cache has of before is not taken. Of a group, and of whole files.
GROUP_READER, READER = 4, 6
# A shape of more outlines is traced.
OUTLINES = 100

# The polylines of a shape and its pen; a line of a drawing, its pen, and whether it is an area.
Outline = tuple[list[Polyline], float]
Drawn = tuple[Polyline, float, bool]

# How a file is found to make no sense, by svgelements too: half a rotation, a size that is no number.
UNREADABLE = (ParseError, ValueError, OSError, RecursionError, AttributeError, LookupError, TypeError, ArithmeticError)


def read_strokes(path: FilePath, group: str | None = None) -> Strokes:
    """Return the strokes of an SVG file in units of its longer side, widths too; areas of dark ink are `filled`.

    Ink is what is dark in the picture: what is drawn later hides what lies below. A line that is seen whole is as it
    was drawn. With `group`, all the dark lines and areas in groups whose id begins so, and nothing hides them: such a
    group is line art. A picture that lies in another file is left out, and said to be. Raises `UserError` naming the
    file if it is no SVG, and if there is no ink in it.
    """
    strokes, linked = read_drawing(path, group)
    if linked:
        say(f"{path}: {linked_pictures(linked)} left out: embed what is linked")
    return strokes


def linked_pictures(count: int) -> str:
    return f"{count} linked picture{' is' if count == 1 else 's are'}"


def read_drawing(path: FilePath, group: str | None) -> tuple[Strokes, int]:
    """Return what `read_strokes` does, and how many linked pictures are left out."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            document = read_document(path, group)
            return strokes_of(document, path, group is not None), document.linked
    except FileNotFoundError:
        raise UserError(f"there is no drawing {path}") from None
    except UNREADABLE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path} is not a readable SVG file ({reason}): remove it or save it again") from error


def strokes_of(document: Document, path: FilePath, line_art: bool) -> Strokes:
    """Return the strokes of a document; see `read_strokes`."""
    shapes = document.shapes
    union = line_art or is_union(document)
    everything = union or document.page is None
    numbers = [n for n, shape in enumerate(shapes) if everything or may_be_ink(shape.stroke)]
    found = geometry(document, numbers, None if line_art else STRAYS)
    if document.page is None:
        document = paged(document, found)
    assert document.page is not None
    drawn = as_drawn(shapes, found, line_art) if union else None
    side = max(document.page)
    if drawn is None:
        drawn = as_seen(document, found, side)
    if not drawn:
        raise UserError(f"{path} has no strokes: it has no dark line and no dark area")
    strokes = Strokes.of([line / side for line, _, _ in drawn], filled=[filled for *_, filled in drawn])
    strokes.width[:] = np.array([width for _, width, _ in drawn], np.float32) / side
    if not (np.isfinite(strokes.points).all() and np.isfinite(strokes.width).all()):
        raise ValueError("a line of it has no end")
    return strokes


def is_union(document: Document) -> bool:
    """Whether all that a document draws is dark and opaque, so that nothing hides anything."""
    return document.plain and all(
        paint == "none" or (is_dark(paint) and opacity >= 1 and Color(paint).alpha == 255)
        for shape in document.shapes
        for paint, opacity in ((shape.fill, shape.fill_opacity), (shape.stroke, shape.stroke_opacity))
    )


def as_drawn(shapes: Sequence[DrawnShape], found: Mapping[int, Outline], line_art: bool) -> list[Drawn] | None:
    """Return all dark lines and areas; None where an area is not what its outlines enclose by the even-odd rule."""
    drawn: list[Drawn] = []
    for number, (parts, pen) in found.items():
        shape = shapes[number]
        # What is both is an area with a line around it.
        if is_ink(shape.fill, shape.fill_opacity) and parts:
            if not (line_art or shape.even_odd or (len(parts) <= OUTLINES and same_by_both_rules(parts))):
                return None
            drawn += [(outline, 0.0, True) for outline in areas(parts)]
        if is_ink(shape.stroke, shape.stroke_opacity) and pen:
            drawn += [(line, pen, False) for line in parts]
    return drawn


def as_seen(document: Document, found: Mapping[int, Outline], side: float) -> list[Drawn]:
    """Return the lines and areas that are dark in the picture of a document."""
    strokes = [
        Stroke(number, [part / side for part in parts], pen / side, document.shapes[number].dashed)
        for number, (parts, pen) in found.items()
        if pen and may_be_ink(document.shapes[number].stroke)
    ]
    lines, outlines = seen(document, strokes)
    return [
        *((line * side, pen * side, False) for line, pen in lines),
        *((outline * side, 0.0, True) for outline in outlines),
    ]


def geometry(document: Document, numbers: Sequence[int], strays: float | None) -> dict[int, Outline]:
    """Return the polylines of some shapes on the page, which stray so much of its side, and their pens there."""
    root = only(document.root, {document.shapes[number].element for number in numbers})
    # Kept by the parser for each shape.
    drawing = SVG.parse(StringIO(tostring(root, encoding="unicode")), reify=True)
    # Where the page is as large as what is drawn, that is not known yet.
    off = strays and strays * max(document.page or size_of(drawing))
    found = {}
    for shape in shapes_below(drawing):
        parts = list(flattened(shape, off))
        if not all(np.isfinite(part).all() for part in parts):
            raise ValueError("a line of it has no end")
        found[int(shape.values["data-n"])] = (parts, float(shape.stroke_width or 0.0))
    return found


def size_of(drawing: Any) -> tuple[float, float]:
    """Return about how large something is."""
    left, top, right, bottom = drawing.bbox() or (0.0, 0.0, 1.0, 1.0)
    return right - left, bottom - top


def only(element: Element, wanted: Collection[Element]) -> Element:
    """Return a copy of a tree with its groups and, of its shapes, those that are wanted."""
    copy = Element(element.tag, element.attrib)
    copy.extend(
        only(child, wanted) for child in element if child in wanted or (child.tag in ("g", "svg") and len(child))
    )
    return copy


def paged(document: Document, found: Mapping[int, Outline]) -> Document:
    """Return a document that says no size with a page as large as what is drawn, from the origin on."""
    ends = [part.max(0) for parts, _ in found.values() for part in parts]
    width, height = np.max(ends, axis=0).tolist() if ends else (0.0, 0.0)
    if not (width > 0 and height > 0):
        raise ValueError("it has no size")
    document.root.attrib.update(width=repr(width), height=repr(height))
    return replace(document, page=(width, height))


def shapes_below(node: Any) -> Iterator[Any]:
    """Yield the shapes below a node of the file, in the order of drawing."""
    for element in node:
        if isinstance(element, Group):
            yield from shapes_below(element)
        elif isinstance(element, Shape):
            yield element


def may_be_ink(paint: str) -> bool:
    """Whether something painted so may be dark: it is, or only the picture tells."""
    return paint != "none" and (is_dark(paint) or paint.startswith(("url(", "context-")))


def lines_for(segment: Any, off: float) -> int:
    """Return how many lines a Bezier curve needs for so small an error; 0 for an arc, whose turn tells."""
    if isinstance(segment, Arc):
        return 0
    controls = np.array([(point.x, point.y) for point in segment])
    bends = np.linalg.norm(np.diff(controls, 2, axis=0), axis=1).max()
    # The error is at most an eighth of the second derivative, degree times (degree - 1) of the bend, by n squared.
    degree = len(controls) - 1
    return math.ceil(min(math.sqrt(degree * (degree - 1) * bends / (8 * off)), MOST_POINTS))


def is_ink(paint: str, opacity: float) -> bool:
    """Whether something painted so is dark, and not transparent."""
    return paint != "none" and is_dark(paint) and Color(paint).alpha / 255 * opacity >= 0.5


def is_dark(paint: str) -> bool:
    """Whether a color is dark; False for what is no color."""
    color = None if paint.startswith(("url(", "context-")) else Color(paint)
    if color is None or color.value is None:
        return False
    return float(0.299 * color.red + 0.587 * color.green + 0.114 * color.blue) < DARK


def flattened(shape: Any, off: float | None) -> Iterator[Polyline]:
    """Yield each part of a shape as a polyline (n, 2); curves are `off` by about so much at most, if it is given."""
    # A turned rectangle or ellipse keeps its turn apart until it is asked for.
    for part in abs(Path(shape)).as_subpaths():
        points: list[Polyline] = []
        for segment in Path(part):
            if isinstance(segment, Move | Line | Close):
                if segment.end is not None:
                    points.append(np.array([[segment.end.x, segment.end.y]]))
            else:
                # An arc may go all the way round.
                turn = abs(segment.sweep) if isinstance(segment, Arc) else 0.0
                count = max(POINTS_A_CURVE, math.ceil(turn / ARC), lines_for(segment, off) if off else 0)
                points.append(np.asarray(segment.npoint(np.linspace(0, 1, count + 1)[1:]), float))
        if points:
            line = np.concatenate(points)
            # A dot, drawn by a round pen, has no length.
            yield line if len(line) > 1 else np.repeat(line, 2, axis=0)
