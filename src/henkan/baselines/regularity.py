"""By how much what a picture shows repeats itself within its planes (Huang, Kang, Ahuja, Kopf 2014)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import MeanShift

from henkan.baselines.filling import Hole
from henkan.baselines.nearest import Floats
from henkan.baselines.planes import Planes

Doubles = NDArray[np.float64]
Numbers = NDArray[np.intp]

_FEATURES = 1500
"""Of the whole picture, the most contrasted ones."""
_ALIKE = 3
"""Each feature is matched with so many that are most like it."""
_NEAR = 8.0
"""In pixels: what repeats itself sooner is the same thing."""
_BANDWIDTH = 3.0
"""In pixels: displacements that differ by less are the same one."""
_FEWEST = 10
"""So many pairs of features make a displacement, as in the paper."""
_MOST = 8
"""Displacements that are kept of each plane, those of most pairs; with their multiples and opposites."""
_MULTIPLES = (-2, -1, 1, 2)


@dataclass(frozen=True)
class Regularity:
    """What repeats itself on each of M planes by which displacements, in the plane as rectified.

    A place x, y is rectified to (x - x₀, y - y₀) / s with s = a (x - x₀) + b (y - y₀) + c. `horizons` (M, 3) are a, b
    and c, `origins` (M, 2) x₀ and y₀: a corner of the picture at which s is 1, far from the horizon. `steps` holds
    (K, 2) for each plane, and K may be 0.
    """

    origins: Doubles
    horizons: Doubles
    steps: tuple[Doubles, ...]

    def rectified(self, plane: Numbers, places: Doubles) -> Doubles:
        """Return where places (n, 2) of some planes (n,) lie in these."""
        away = places - self.origins[plane]
        size = (self.horizons[plane, :2] * away).sum(axis=1) + self.horizons[plane, 2]
        size = np.where(np.abs(size) < 1e-6, 1e-6, size)
        return np.asarray(away / size[:, None])

    def seen(self, plane: Numbers, rectified: Doubles) -> Doubles:
        """Return where in the picture that is, the inverse of `rectified`."""
        far = 1 - (self.horizons[plane, :2] * rectified).sum(axis=1)
        size = self.horizons[plane, 2] / np.where(np.abs(far) < 1e-6, 1e-6, far)
        return np.asarray(self.origins[plane] + rectified * size[:, None])

    def nearest(self, plane: Numbers, start: Doubles, end: Doubles) -> Doubles:
        """Return the place nearest to `end` to which one of the plane's displacements leads from `start`: (n, 2).

        Where the plane has none, `end` itself.
        """
        found = end.copy()
        for number in np.unique(plane):
            steps, rows = self.steps[number], np.flatnonzero(plane == number)
            if len(steps):
                here = self.rectified(plane[rows], start[rows])
                moves = self.rectified(plane[rows], end[rows]) - here
                closest = np.square(moves[:, None] - steps).sum(axis=2).argmin(axis=1)
                found[rows] = self.seen(plane[rows], here + steps[closest])
        return found

    def drawn(self, plane: Numbers, start: Doubles, rng: np.random.Generator) -> Doubles:
        """Return a place at random to which the plane's displacements lead, and `start` where it has none."""
        found, numbers = start.copy(), rng.random(len(start))
        for number in np.unique(plane):
            steps, rows = self.steps[number], np.flatnonzero(plane == number)
            if len(steps):
                chosen = steps[(numbers[rows] * len(steps)).astype(int)]
                found[rows] = self.seen(plane[rows], self.rectified(plane[rows], start[rows]) + chosen)
        return found


def regularity_of(lightness: Floats, hole: Hole, planes: Planes) -> Regularity:
    """Return what repeats itself in a picture (H, W), 0 to 255, around its hole: displacements of SIFT features.

    Features are matched with those most like them of the same plane, the most likely one where they are, and the
    displacements between them, rectified, are gathered by mean shift.
    """
    height, width = hole.shape
    corners = np.array([[x, y] for y in (0.0, height - 1) for x in (0.0, width - 1)])
    horizons = planes.horizons.astype(float)
    sizes = corners @ horizons[:, :2].T + horizons[:, 2]
    best = np.abs(sizes).argmax(axis=0)
    scale = sizes[best, np.arange(len(horizons))]
    relative = np.concatenate([horizons[:, :2] / scale[:, None], np.ones((len(horizons), 1))], axis=1)
    bare = Regularity(corners[best], relative, tuple(np.zeros((0, 2)) for _ in horizons))
    places, looks = features(np.rint(lightness).astype(np.uint8), hole)
    if len(places) < _FEWEST:
        return bare
    x, y = np.rint(places).astype(int).T
    owner = planes.chances[:, y.clip(0, height - 1), x.clip(0, width - 1)].argmax(axis=0)
    steps = []
    for number in range(len(horizons)):
        rows = np.flatnonzero(owner == number)
        steps.append(_steps(bare, number, places[rows], looks[rows]))
    return Regularity(bare.origins, relative, tuple(steps))


def features(grey: NDArray[np.uint8], hole: Hole) -> tuple[Doubles, Floats]:
    """Return where a picture has SIFT features (n, 2), as x and y, off its hole, and what they look like (n, 128)."""
    # What is near the hole sees its edge.
    known = cv2.erode((~hole).astype(np.uint8), np.ones((9, 9), np.uint8))
    points, looks = cv2.SIFT.create(nfeatures=_FEATURES).detectAndCompute(grey, known)
    if looks is None:
        return np.zeros((0, 2)), np.zeros((0, 128), np.float32)
    return np.array([point.pt for point in points], float).reshape(-1, 2), np.asarray(looks, np.float32)


def _steps(frame: Regularity, number: int, places: Doubles, looks: Floats) -> Doubles:
    """Return the displacements by which features of one plane repeat themselves: (K, 2), multiples with them."""
    if len(places) < _FEWEST:
        return np.zeros((0, 2))
    found = cv2.BFMatcher(cv2.NORM_L2).knnMatch(looks, looks, k=min(len(looks), 4 * _ALIKE))
    pairs = []
    for matches in found:
        apart = [m for m in matches if np.linalg.norm(places[m.queryIdx] - places[m.trainIdx]) > _NEAR]
        pairs += [(m.queryIdx, m.trainIdx) for m in apart[:_ALIKE]]
    if len(pairs) < _FEWEST:
        return np.zeros((0, 2))
    one, two = np.array(pairs).T
    plane = np.full(len(places), number)
    flat = frame.rectified(plane, places)
    moves = flat[two] - flat[one]
    # A pair says the same in either direction.
    moves = np.where((moves[:, :1] < 0) | ((moves[:, :1] == 0) & (moves[:, 1:] < 0)), -moves, moves)
    # One pixel, where the plane's features are.
    nudged = frame.rectified(plane, places + np.array([1.0, 0.0])) - flat
    pixel = float(np.median(np.linalg.norm(nudged, axis=1)))
    shift = MeanShift(bandwidth=_BANDWIDTH * pixel, bin_seeding=True, min_bin_freq=_FEWEST // 2, cluster_all=False)
    try:
        labels = shift.fit_predict(moves)
    except ValueError:
        # No place has so many of them.
        return np.zeros((0, 2))
    counts = np.bincount(labels[labels >= 0], minlength=len(shift.cluster_centers_))
    order = np.argsort(-counts, kind="stable")[:_MOST]
    centers = shift.cluster_centers_[order[counts[order] >= _FEWEST]]
    return np.concatenate([times * centers for times in _MULTIPLES]) if len(centers) else np.zeros((0, 2))
