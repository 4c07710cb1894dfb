"""The search of PatchMatch (Barnes, Shechtman, Finkelstein, Goldman 2009), over the whole field at once.

A patch is known by its upper left corner (y, x). The field maps patches of one picture, the queries, to patches of
another, the sources.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]
Flags = NDArray[np.bool_]

_TOGETHER = 8192
"""Patches that are compared at once: their pixels stay in the processor's cache."""


class NearestField:
    """For each query the best source found so far: `y`, `x` (N,), and `cost` (N,), the mean squared difference.

    `sources` and `queries` are flags of shape (H - side + 1, W - side + 1); `start` is the first guess, (2, N). Costs
    never increase but by `compare`, which takes them anew. There must be a source.
    """

    def __init__(self, sources: Flags, queries: Flags, side: int, start: Integers, rng: np.random.Generator) -> None:
        self.sources, self.side, self.rng = sources, side, rng
        self.query_y, self.query_x = (axis.astype(np.int32) for axis in np.nonzero(queries))
        self.y, self.x = start[0].astype(np.int32), start[1].astype(np.int32)
        self.number = np.full(queries.shape, -1, np.int32)
        self.number[queries] = np.arange(self.query_y.size)
        self.cost = np.full(self.y.shape, np.inf, np.float32)

    def compare(self, source: Floats, target: Floats, seen: Flags | None = None) -> None:
        """Take pictures (H, W, C) to compare, and the costs in them; only the pixels of `target` that are `seen` count.

        Queries of which nothing is seen have infinite cost, and stay where they are.
        """
        self._source, self._target = windows(source, self.side), windows(target, self.side)
        self._seen = None
        if seen is not None:
            repeated = np.repeat(seen[..., None], source.shape[2], axis=2).astype(np.float32)
            self._seen = windows(repeated, self.side)
        self._channels = source.shape[2]
        self.cost = self._costs(np.arange(self.y.size), self.y, self.x)

    def search(self, passes: int, steps: Sequence[int] = (1,)) -> None:
        """Improve the field `passes` times: neighbors' offsets are tried, then places at random around the best one.

        `steps` are the distances of the neighbors; in place of a scan, which is serial, good offsets travel by leaps.
        """
        for _ in range(passes):
            for step in steps:
                for dy, dx in ((0, step), (step, 0), (0, -step), (-step, 0)):
                    self._propagate(dy, dx)
            radius = max(self.sources.shape) - 1
            while radius >= 1:
                self._explore(radius)
                radius //= 2

    def _propagate(self, dy: int, dx: int) -> None:
        y, x = self.query_y - dy, self.query_x - dx
        rows = np.flatnonzero(inside(y, x, self.number.shape))
        neighbors = self.number[y[rows], x[rows]]
        rows, neighbors = rows[neighbors >= 0], neighbors[neighbors >= 0]
        self._try(rows, self.y[neighbors] + np.int32(dy), self.x[neighbors] + np.int32(dx))

    def _explore(self, radius: int) -> None:
        offsets = self.rng.integers(-radius, radius, (2, self.y.size), np.int32, endpoint=True)
        self._try(np.arange(self.y.size), self.y + offsets[0], self.x + offsets[1])

    def _try(self, rows: NDArray[np.intp], y: Integers, x: Integers) -> None:
        allowed = inside(y, x, self.sources.shape) & ((y != self.y[rows]) | (x != self.x[rows]))
        rows, y, x = rows[allowed], y[allowed], x[allowed]
        allowed = self.sources[y, x]
        rows, y, x = rows[allowed], y[allowed], x[allowed]
        cost = self._costs(rows, y, x)
        better = cost < self.cost[rows]
        rows = rows[better]
        self.y[rows], self.x[rows], self.cost[rows] = y[better], x[better], cost[better]

    def _costs(self, rows: NDArray[np.intp], y: Integers, x: Integers) -> Floats:
        costs = np.empty(rows.size, np.float32)
        for first in range(0, rows.size, _TOGETHER):
            part = slice(first, first + _TOGETHER)
            at = self.query_y[rows[part]], self.query_x[rows[part]] * self._channels
            difference = self._source[y[part], x[part] * self._channels]
            difference -= self._target[at]
            if self._seen is None:
                costs[part] = np.einsum("nij,nij->n", difference, difference) / difference[0].size
            else:
                weights = self._seen[at]
                counted = np.einsum("nij->n", weights)
                total = np.einsum("nij,nij,nij->n", difference, difference, weights)
                costs[part] = np.divide(total, counted, out=np.full_like(total, np.inf), where=counted > 0)
        return costs


def windows(picture: Floats, side: int) -> Floats:
    """Return all patches as a view: (y, C x) -> (side, side C), rows of pixels lying together in memory."""
    height, width, channels = picture.shape
    rows = np.ascontiguousarray(picture).reshape(height, width * channels)
    return np.lib.stride_tricks.sliding_window_view(rows, (side, side * channels))


def inside(y: Integers, x: Integers, shape: tuple[int, ...]) -> Flags:
    """Whether places lie within a shape."""
    return np.asarray((y >= 0) & (x >= 0) & (y < shape[0]) & (x < shape[1]))
