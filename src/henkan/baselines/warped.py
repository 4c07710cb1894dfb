"""Fields whose matches are seen through a map of the plane: turned, scaled, or in perspective."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from henkan.baselines.nearest import TOGETHER, Field, Flags, Floats, Rows, windows
from henkan.baselines.patchmatch import scattered

_ROW = 1024
"""What is sampled lies in rows of so many places: OpenCV takes no longer ones than 32767."""
_NEAREST = 0.25
"""In pixels: how near to the best match the last one at random lies."""


class WarpedField(Field):
    """Matches are maps of the plane, each known by where the center of its query goes and some parameters.

    `match` (D, N) begins with that center, y and x, in pixels. A neighbor's map is tried as it is: where it brings this
    query. Sources are read bilinearly, and none may touch what is `missing` (H, W) or lies outside.
    """

    def __init__(self, missing: Flags, queries: Flags, side: int, start: Floats, rng: np.random.Generator) -> None:
        super().__init__(queries, side, start, rng)
        self.missing = missing
        self.middle = (side - 1) / 2
        self._dy, self._dx = (np.ravel(axis) - np.float32(self.middle) for axis in np.indices((side, side), np.float32))

    def begin_from(self, coarse: WarpedField) -> None:
        """Take the matches of the next coarser level, where they can be, and what these cost there."""
        y, x = self.centers(np.arange(self.cost.size))
        height, width = coarse.number.shape
        parents = np.minimum(self.query_y // 2, height - 1), np.minimum(self.query_x // 2, width - 1)
        rows = coarse.number[*parents].astype(np.intp)
        # A pixel here is at half its place less a quarter there.
        middle = coarse.centers(rows)
        match = coarse.match[:, rows]
        dy, dx = (np.asarray((axis - 0.5) / 2 - there, np.float32) for axis, there in zip((y, x), middle, strict=True))
        place = coarse.mapped(rows, match, dy, dx)
        match[0], match[1] = (2 * axis[:, 0] + 0.5 for axis in place)
        places = self._places(np.arange(rows.size), match)
        known = (sampled(self.missing[..., None].astype(np.float32), *places) == 0).all(axis=(1, 2))
        self.match[:, known], self.cost = match[:, known], coarse.cost[rows]

    def _places(self, rows: Rows, match: Floats) -> tuple[Floats, Floats]:
        return self.mapped(rows, match, self._dy[None], self._dx[None])

    @abstractmethod
    def mapped(self, rows: Rows, match: Floats, dy: Floats, dx: Floats) -> tuple[Floats, Floats]:
        """Return y and x of what matches show `dy` and `dx` from the center of their queries; (n, 1) or (n, k)."""

    def distances(self, shown: Floats, target: Floats, seen: Floats) -> Floats:
        """Return how much what is shown (n, side², 3) differs from the target, where that is seen (n, side²): (n,)."""
        difference = shown - target
        total = np.einsum("nkc,nkc,nk->n", difference, difference, seen)
        return np.asarray(total / (3 * np.maximum(np.einsum("nk->n", seen), 1)))

    def compare(self, source: Floats, target: Floats, seen: Flags | None = None) -> None:
        self._source = np.dstack([source, self.missing.astype(np.float32)])
        self._target = windows(target, self.side)
        self._seen = windows(
            np.ones_like(target[..., :1]) if seen is None else seen[..., None] * np.float32(1), self.side
        )
        self.cost = self._costs(np.arange(self.cost.size), self.match)

    def shown(self, picture: NDArray[Any], dy: int, dx: int) -> NDArray[Any]:
        offset = np.full((1, 1), dy - self.middle, np.float32), np.full((1, 1), dx - self.middle, np.float32)
        y, x = self.mapped(np.arange(self.cost.size), self.match, *offset)
        return sampled(picture, y[:, 0], x[:, 0])

    def centers(self, rows: Rows) -> tuple[Floats, Floats]:
        """Return y and x of the centers of some queries, (n, 1)."""
        y, x = (axis[rows, None].astype(np.float32) + np.float32(self.middle) for axis in (self.query_y, self.query_x))
        return y, x

    def seen_and_shown(self, rows: Rows, match: Floats) -> tuple[Floats, Floats, Floats, Flags]:
        """Return, of some queries, what is seen, their target, what matches show, and whether that is known."""
        shown = sampled(self._source, *self._places(rows, match))
        at = self.query_y[rows], self.query_x[rows]
        target = self._target[at[0], at[1] * 3].reshape(rows.size, -1, 3)
        known = np.asarray((shown[..., 3] == 0).all(axis=1))
        return self._seen[at].reshape(rows.size, -1), target, shown[..., :3], known

    def _radii(self) -> Iterable[float]:
        radius = float(max(self.missing.shape) - 1)
        while radius >= _NEAREST:
            yield radius
            radius /= 2

    def _carried(self, neighbors: Rows, dy: int, dx: int) -> Floats:
        match = self.match[:, neighbors]
        offset = np.full((1, 1), dy, np.float32), np.full((1, 1), dx, np.float32)
        y, x = self.mapped(neighbors, match, *offset)
        match[0], match[1] = y[:, 0], x[:, 0]
        return match

    def _allowed(self, rows: Rows, match: Floats) -> Flags:
        height, width = self.missing.shape
        # Not so near to the border that half of a patch, at half its size, would not fit.
        rim = self.middle / 2
        y, x = match[:2]
        allowed: Flags = (y >= rim) & (x >= rim) & (y <= height - 1 - rim) & (x <= width - 1 - rim)
        allowed &= (match != self.match[:, rows]).any(axis=0)
        allowed[allowed] = ~self.missing[np.rint(y[allowed]).astype(int), np.rint(x[allowed]).astype(int)]
        return allowed

    def _costs(self, rows: Rows, match: Floats) -> Floats:
        costs = np.empty(rows.size, np.float32)
        for first in range(0, rows.size, TOGETHER):
            part = slice(first, first + TOGETHER)
            seen, target, shown, known = self.seen_and_shown(rows[part], match[:, part])
            known &= seen.any(axis=1)
            costs[part] = np.where(known, self.distances(shown, target, seen), np.inf)
        return costs


def sampled(picture: NDArray[Any], y: Floats, x: Floats) -> NDArray[Any]:
    """Return a picture (H, W, C), C up to 4, bilinearly at places of any shape: (*shape, C). Outside the last is 1."""
    count, channels = y.size, picture.shape[2]
    across, down = (np.pad(axis.ravel(), (0, -count % _ROW)).reshape(-1, _ROW) for axis in (x, y))
    outside = (0.0,) * (channels - 1) + (1.0,)
    found = cv2.remap(picture, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=outside)
    return np.asarray(found).reshape(-1, channels)[:count].reshape(*y.shape, channels)


def bias_to(target: Floats, shown: Floats, seen: Floats, most: Floats) -> Floats:
    """Return what brings the mean of what is shown (n, k, 3) to the target's where that is seen (n, k): (n, 1, 3).

    By `most` (3,) at most, up or down.
    """
    total = np.einsum("nkc,nk->nc", target - shown, seen) / np.maximum(seen.sum(axis=1), 1)[:, None]
    return np.asarray(total.clip(-most, most)[:, None], np.float32)


def unmoved(sources: Flags, side: int, rng: np.random.Generator) -> Floats:
    """Return, for every patch that is no source, the center of a source at random: (2, N)."""
    return (scattered(sources, rng) + (side - 1) / 2).astype(np.float32)


def enlarged_into(colors: Floats, hole: Flags, coarse: Floats) -> Floats:
    """Return a picture whose hole is filled by one of half its size, bilinearly."""
    y, x = (np.indices(hole.shape, np.float32) - np.float32(0.5)) / 2
    large = cv2.remap(coarse, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.where(hole[..., None], large, colors)
