"""Areas as outlines: one closed line an area, its holes cut open towards it; out of outlines, or traced from pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree
from skimage.measure import find_contours

Line = NDArray[np.float64]

# Pixels of a side that two fill rules are compared at.
COMPARED = 256
# A traced outline strays from the pixels' by so many of them at most.
STRAYS = 0.25
# Square pixels: a smaller traced area, or hole, is a speck.
SPECK = 3.0


def areas(parts: Sequence[Line]) -> Iterator[Line]:
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


def with_hole(outline: Line, hole: Line) -> Line:
    """Return an outline with a hole in one line, cut where they are nearest; n log n in their points."""
    near, _ = KDTree(hole).query(outline)
    # Of several that are as near, to the last bit, the first.
    nearest = np.flatnonzero(near <= near.min() * (1 + 1e-9))
    distances = np.linalg.norm(outline[nearest, None] - hole[None], axis=2)
    here, there = np.unravel_index(int(distances.argmin()), distances.shape)
    return cut_open(outline, hole, int(nearest[here]), int(there))


def cut_open(outline: Line, hole: Line, here: int, there: int) -> Line:
    """Return an outline with a hole in one line, cut from one point of each to the other."""
    return np.concatenate((outline[: here + 1], hole[there:], hole[: there + 1], outline[here:]))


def same_by_both_rules(parts: Sequence[Line]) -> bool:
    """Whether the parts of a shape enclose the same by the nonzero rule and by the even-odd one."""
    points = np.concatenate(parts)
    low = points.min(0)
    scale = (COMPARED - 1) / max(float(np.ptp(points, axis=0).max()), 1e-9)
    turns = np.zeros((COMPARED, COMPARED + 1), np.int32)
    for part in parts:
        a = (part - low) * scale
        b = np.roll(a, -1, axis=0)
        # Rows whose middle an edge crosses, upwards or downwards.
        first, last = np.ceil(np.minimum(a, b)[:, 1] - 0.5), np.ceil(np.maximum(a, b)[:, 1] - 0.5)
        counts = (last - first).astype(int)
        edge = np.repeat(np.arange(len(a)), counts)
        row = (
            np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(first, counts).astype(int)
        )
        share = (row + 0.5 - a[edge, 1]) / (b[edge, 1] - a[edge, 1])
        column = np.ceil(a[edge, 0] + share * (b[edge, 0] - a[edge, 0]) - 0.5).astype(int)
        np.add.at(turns, (row, column), np.sign(b[edge, 1] - a[edge, 1]).astype(np.int32))
    turns = turns.cumsum(axis=1)
    return bool(((turns != 0) == (turns % 2 != 0)).all())


def traced(tones: NDArray[np.uint8], level: float, where: NDArray[np.bool_]) -> Iterator[Line]:
    """Yield outlines (n, 2) of what is darker than `level` in a picture (H, W) and marked in `where`, one an area.

    In pixels, the center of the first one at (0.5, 0.5), between pixels where tones say so.
    """
    if not where.any():
        return
    # Paper all around, so that every contour is closed.
    where = np.pad(where & (tones < level), 1)
    near = cv2.dilate(where.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    field = np.where(near, np.pad(tones, 1, constant_values=255), 255).astype(np.float32)
    # Beside what is marked, what is as dark and is not begins halfway.
    field[near & ~where] = np.maximum(field[near & ~where], level + 1)
    _, labels = cv2.connectedComponents(where.astype(np.uint8), connectivity=8)
    rings: dict[int, list[tuple[float, Line]]] = {}
    contours = find_contours(field, level, fully_connected="low")  # type: ignore[no-untyped-call]
    for contour in contours:
        ring = contour[:, ::-1]
        size = cv2.contourArea(ring.astype(np.float32))
        if size > SPECK:
            # One of the two pixels that a contour passes between is ink.
            y, x = contour[0]
            ends = (labels[int(np.floor(y)), int(np.floor(x))], labels[int(np.ceil(y)), int(np.ceil(x))])
            rings.setdefault(int(max(ends)), []).append((size, ring))
    for found in rings.values():
        found.sort(key=lambda pair: -pair[0])
        outline = found[0][1]
        # From the left to the right: what lies to the left of a hole is joined already, and the cut crosses nothing.
        for hole in sorted((ring for _, ring in found[1:]), key=lambda ring: float(ring[:, 0].min())):
            there = int(hole[:, 0].argmin())
            distances = np.linalg.norm(outline - hole[there], axis=1)
            distances[outline[:, 0] > hole[there, 0]] = np.inf
            outline = cut_open(outline, hole, int(distances.argmin()), there)
        simple = cv2.approxPolyDP(outline.astype(np.float32)[:, None], STRAYS, True)[:, 0]
        if len(simple) > 2:
            # Without the paper around it, and with pixels' centers at halves.
            yield simple.astype(float) - 0.5
