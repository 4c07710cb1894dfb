"""Planes that a picture shows in perspective, from its straight lines."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from henkan.baselines.filling import Hole
from henkan.baselines.nearest import Floats

Doubles = NDArray[np.float64]

_SHORTEST = 8.0
"""Segments of fewer pixels have no direction to rely on."""
_VOTERS = 64
"""Vanishing points are looked for where the longest segments meet, by twos."""
_TOLERANCE = np.radians(2.5)
"""A segment that points further past a vanishing point is not of its direction."""
_FEWEST, _SHARE = 4, 0.1
"""A direction has at least so many segments, and this share of the length of all that no other has."""
_APART = np.cos(np.radians(30))
"""Of the angle between two directions of one plane, seen by a lens as long as the picture's longer side."""
_SPREAD = 1 / 16
"""Of the picture's longer side: how far a segment tells of the plane around it."""
_FLAT = 0.02
"""How sure the picture's own plane is, where that of a plane full of lines is 1."""
_LEAST = 1e-3
"""No plane is ruled out."""


@dataclass(frozen=True)
class Planes:
    """Planes by their horizons; the first is the picture's own, whose horizon is at infinity.

    A place x, y lies on the horizon a, b, c where a x + b y + c = 0, and this value is proportional to how large the
    plane is seen there: `horizons` (M, 3). `vanishing` (M, 2, 3) are the vanishing points of the plane's two
    directions, x, y and 0 (at infinity) or 1 up to a factor. `chances` (M, H, W) are those of a pixel to be of a plane.
    """

    horizons: Floats
    vanishing: Floats
    chances: Floats

    def reduced(self, step: int) -> Planes:
        """Return the planes of the picture whose pixels are `step` of this one's wide."""
        larger = np.array([[step, 0, (step - 1) / 2], [0, step, (step - 1) / 2], [0, 0, 1]], np.float32)
        vanishing = self.vanishing @ np.linalg.inv(larger).T
        return Planes(self.horizons @ larger, vanishing, self.chances[:, ::step, ::step])


def planes_of(lightness: Floats, hole: Hole) -> Planes:
    """Return the planes of a picture (H, W), 0 to 255, from what is around its hole."""
    grey = cv2.inpaint(np.rint(lightness).astype(np.uint8), hole.astype(np.uint8), 3, cv2.INPAINT_TELEA)
    ends = segments(np.asarray(grey, np.uint8), hole)
    height, width = hole.shape
    # Numbers near 1 are solved for best: the middle is 0, and the longer side 1.
    scale = 1 / max(height, width)
    shift = np.array([(width - 1) / 2, (height - 1) / 2])
    points = vanishing_points((ends - shift) * scale, scale)
    enlarge = np.array([[1 / scale, 0, shift[0]], [0, 1 / scale, shift[1]], [0, 0, 1]])
    densities = [_density(ends[members], hole) for _, members in points]
    horizons, vanishing, support = [np.array([0.0, 0, 1])], [np.eye(3)[:2]], [np.full(hole.shape, _FLAT)]
    for one, two in combinations(range(len(points)), 2):
        pair = np.stack([points[one][0], points[two][0]])
        if abs(pair[0] @ pair[1]) < _APART:
            pair = pair @ enlarge.T
            vanishing.append(pair)
            horizons.append(_horizon(*pair))
            support.append(densities[one] * densities[two])
    chances = np.stack(support)
    chances = np.maximum(chances / chances.sum(axis=0), _LEAST)
    found = np.stack(horizons), np.stack(vanishing), chances / chances.sum(axis=0)
    return Planes(*(array.astype(np.float32) for array in found))


def segments(grey: NDArray[np.uint8], hole: Hole) -> Doubles:
    """Return the straight segments of a picture whose middle is known (n, 2, 2), from x, y to x, y, longest first.

    Found as von Gioi, Jakubowicz, Morel and Randall do (LSD, 2010).
    """
    # Not resized first, as OpenCV would: by 0.8 it turns what is short.
    found: Any = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD, 1.0).detect(grey)[0]
    if found is None:
        return np.zeros((0, 2, 2))
    ends = found.reshape(-1, 2, 2).astype(float)
    lengths = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)
    x, y = np.rint(ends.mean(axis=1)).astype(int).T
    known = ~hole[y.clip(0, hole.shape[0] - 1), x.clip(0, hole.shape[1] - 1)]
    order = np.argsort(-lengths, kind="stable")
    return np.asarray(ends[order[(known & (lengths >= _SHORTEST))[order]]])


def vanishing_points(ends: Doubles, pixel: float) -> list[tuple[Doubles, NDArray[np.intp]]]:
    """Return up to three points (3,), of length 1, in which lines of the world meet, each with its segments' numbers.

    `ends` (n, 2, 2) are segments, the longest first. The point that most of them point to, by length, takes these
    away; then the next is looked for. It is `pixel` wide what is measured no better.
    """
    places = np.concatenate([ends, np.ones((len(ends), 2, 1))], axis=2)
    lines = np.cross(places[:, 0], places[:, 1])
    lines /= np.linalg.norm(lines[:, :2], axis=1, keepdims=True)
    lengths = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)
    free = np.arange(len(ends))
    found: list[tuple[Doubles, NDArray[np.intp]]] = []
    while len(found) < 3 and free.size >= _FEWEST:
        one, two = np.triu_indices(min(free.size, _VOTERS), 1)
        candidates = np.cross(lines[free[one]], lines[free[two]])
        norms = np.linalg.norm(candidates, axis=1)
        candidates = candidates[norms > pixel * 1e-2] / norms[norms > pixel * 1e-2, None]
        if not len(candidates):
            break
        votes = (1 - _missed(candidates, ends[free]) / _TOLERANCE).clip(0) @ lengths[free]
        best = candidates[np.argmax(votes)]
        for _ in range(3):
            members = free[_missed(best[None], ends[free])[0] < _TOLERANCE]
            # The point that is least off the lines, by their lengths.
            best = np.linalg.eigh((lines[members].T * lengths[members]) @ lines[members])[1][:, 0]
        members = free[_missed(best[None], ends[free])[0] < _TOLERANCE]
        if members.size < _FEWEST or lengths[members].sum() < _SHARE * lengths[free].sum():
            break
        found.append((best, members))
        free = free[_missed(best[None], ends[free])[0] >= 2 * _TOLERANCE]
    return found


def _missed(points: Doubles, ends: Doubles) -> Doubles:
    """Return the angles by which segments (n, 2, 2) point past points (m, 3): (m, n), in radians."""
    middle, along = ends.mean(axis=1), ends[:, 1] - ends[:, 0]
    x, y = (points[:, k, None] - points[:, 2, None] * middle[:, k] for k in range(2))
    crossed, lengths = x * along[:, 1] - y * along[:, 0], np.hypot(x, y) * np.linalg.norm(along, axis=1)
    return np.asarray(np.arcsin((np.abs(crossed) / np.maximum(lengths, 1e-12)).clip(0, 1)))


def _horizon(one: Doubles, two: Doubles) -> Doubles:
    """Return the line through two vanishing points, a and b of length 1 so that it tells the distance in pixels."""
    line = np.cross(one, two)
    length = np.hypot(line[0], line[1])
    return np.array([0.0, 0, 1]) if length < 1e-6 * abs(line[2]) else line / length


def _density(ends: Doubles, hole: Hole) -> Doubles:
    """Return how dense segments lie, as far as known pixels tell, 1 where it is the mean or more: (H, W)."""
    drawn = np.zeros(hole.shape, np.uint8)
    cv2.polylines(drawn, list(np.rint(ends).astype(np.int32)), isClosed=False, color=1)
    spread = _SPREAD * max(hole.shape)
    smooth = [cv2.GaussianBlur(values, (0, 0), spread) for values in (drawn * ~hole * 1.0, ~hole * 1.0)]
    density = smooth[0] / np.maximum(smooth[1], 1e-6)
    # Near by, a plane's lines are far from each other.
    return np.asarray((density / density.mean()).clip(max=1))
