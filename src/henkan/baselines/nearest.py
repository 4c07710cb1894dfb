"""The search of PatchMatch (Barnes, Shechtman, Finkelstein, Goldman 2009), over the whole field at once.

A patch is known by its upper left corner (y, x). A field maps patches of one picture, the queries, to what is most like
them in another, the source.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]
Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]

TOGETHER = 8192
"""Patches that are compared at once: their pixels stay in the processor's cache."""


class Field(ABC):
    """For each query the best match found so far: `match` (D, N), and `cost` (N,).

    What a match is, each kind of field says. `queries` are flags of shape (H - side + 1, W - side + 1); `start` is the
    first guess. Costs never increase but by `compare`, which takes them anew.
    """

    def __init__(self, queries: Flags, side: int, start: NDArray[Any], rng: np.random.Generator) -> None:
        self.side, self.match, self.rng = side, start, rng
        self.query_y, self.query_x = (axis.astype(np.int32) for axis in np.nonzero(queries))
        self.number: Integers = np.full(queries.shape, -1, np.int32)
        self.number[queries] = np.arange(self.query_y.size)
        self.cost = np.full(self.query_y.shape, np.inf, np.float32)

    @abstractmethod
    def compare(self, source: Floats, target: Floats, seen: Flags | None = None) -> None:
        """Take pictures (H, W, C) to compare, and the costs in them; only the pixels of `target` that are `seen` count.

        Queries of which nothing is seen have infinite cost, and stay where they are.
        """

    @abstractmethod
    def shown(self, picture: NDArray[Any], dy: int, dx: int) -> NDArray[Any]:
        """Return the pixel of a picture (H, W, C) that each match has in row `dy` and column `dx`: (N, C)."""

    def search(self, passes: int, steps: Sequence[int] = (1,)) -> None:
        """Improve the field `passes` times: neighbors' matches are tried, then some at random around the best one.

        `steps` are the distances of the neighbors; in place of a scan, which is serial, good matches travel by leaps.
        """
        for _ in range(passes):
            for step in steps:
                for dy, dx in ((0, step), (step, 0), (0, -step), (-step, 0)):
                    self._propagate(dy, dx)
            for radius in self._radii():
                self._try(np.arange(self.cost.size), self._around(radius))

    def _propagate(self, dy: int, dx: int) -> None:
        y, x = self.query_y - dy, self.query_x - dx
        rows = np.flatnonzero(inside(y, x, self.number.shape))
        neighbors = self.number[y[rows], x[rows]].astype(np.intp)
        rows, neighbors = rows[neighbors >= 0], neighbors[neighbors >= 0]
        self._try(rows, self._carried(neighbors, dy, dx))

    def _try(self, rows: Rows, match: NDArray[Any]) -> None:
        allowed = self._allowed(rows, match)
        rows, match = rows[allowed], match[:, allowed]
        cost = self._costs(rows, match)
        better = cost < self.cost[rows]
        rows = rows[better]
        self.match[:, rows], self.cost[rows] = match[:, better], cost[better]

    @abstractmethod
    def _radii(self) -> Iterable[float]:
        """Return how far to look at random, from far to near."""

    @abstractmethod
    def _carried(self, neighbors: Rows, dy: int, dx: int) -> NDArray[Any]:
        """Return the matches of some queries as they continue `dy` and `dx` pixels further: (D, n)."""

    @abstractmethod
    def _around(self, radius: float) -> NDArray[Any]:
        """Return a match at random no further than `radius` from each query's own: (D, N)."""

    @abstractmethod
    def _allowed(self, rows: Rows, match: NDArray[Any]) -> Flags:
        """Return which matches are worth a look."""

    @abstractmethod
    def _costs(self, rows: Rows, match: NDArray[Any]) -> Floats:
        """Return what matches of some queries cost; infinity for those that cannot be."""


class NearestField(Field):
    """Matches are the corners y, x of sources, moved by whole pixels; the cost is the mean squared difference.

    `sources` are flags as `queries` are, and `start` is (2, N). There must be a source.
    """

    def __init__(self, sources: Flags, queries: Flags, side: int, start: Integers, rng: np.random.Generator) -> None:
        super().__init__(queries, side, start.astype(np.int32), rng)
        self.sources = sources

    @property
    def y(self) -> Integers:
        return np.asarray(self.match[0])

    @property
    def x(self) -> Integers:
        return np.asarray(self.match[1])

    def compare(self, source: Floats, target: Floats, seen: Flags | None = None) -> None:
        self._source, self._target = windows(source, self.side), windows(target, self.side)
        self._seen = None
        if seen is not None:
            repeated = np.repeat(seen[..., None], source.shape[2], axis=2).astype(np.float32)
            self._seen = windows(repeated, self.side)
        self._channels = source.shape[2]
        self.cost = self._costs(np.arange(self.cost.size), self.match)

    def shown(self, picture: NDArray[Any], dy: int, dx: int) -> NDArray[Any]:
        return np.asarray(picture[self.y + dy, self.x + dx])

    def _radii(self) -> Iterable[int]:
        radius = max(self.sources.shape) - 1
        while radius >= 1:
            yield radius
            radius //= 2

    def _carried(self, neighbors: Rows, dy: int, dx: int) -> Integers:
        return np.asarray(self.match[:, neighbors] + np.array([[dy], [dx]], np.int32))

    def _around(self, radius: float) -> Integers:
        reach = int(radius)
        return np.asarray(self.match + self.rng.integers(-reach, reach, self.match.shape, np.int32, endpoint=True))

    def _allowed(self, rows: Rows, match: NDArray[Any]) -> Flags:
        y, x = match
        allowed: Flags = inside(y, x, self.sources.shape) & (match != self.match[:, rows]).any(axis=0)
        allowed[allowed] = self.sources[y[allowed], x[allowed]]
        return allowed

    def _costs(self, rows: Rows, match: NDArray[Any]) -> Floats:
        y, x = match
        costs = np.empty(rows.size, np.float32)
        for first in range(0, rows.size, TOGETHER):
            part = slice(first, first + TOGETHER)
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


def inside(y: NDArray[Any], x: NDArray[Any], shape: tuple[int, ...]) -> Flags:
    """Whether places lie within a shape."""
    return np.asarray((y >= 0) & (x >= 0) & (y < shape[0]) & (x < shape[1]))
