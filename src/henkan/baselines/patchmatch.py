"""Completion by patches, coarse to fine: search and vote by turns (Wexler et al. 2007; Barnes et al. 2009)."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from henkan.baselines.filling import Filling, Hole, Picture, fitting, whole
from henkan.baselines.nearest import Field, Flags, Floats, Integers, NearestField
from henkan.errors import UserError
from henkan.progress import report
from henkan.randomness import generator_for

LEAPS = (8, 4, 2, 1)
_KERNEL = np.array([1, 5, 10, 10, 5, 1], np.float32) / 32
_FEWEST = 64
"""A coarser level has at least so many sources."""


@dataclass(frozen=True)
class Level:
    """A picture at one scale: its colors (H, W, 3) in Lab, what is missing, and which patches are whole, by corner."""

    colors: Floats
    hole: Hole
    sources: Flags


class PatchMatch(Filling):
    """Makes every patch of `side` pixels that meets the hole similar to some patch that lies outside it.

    From coarse to fine, `iterations` times a level (and once more for each level below it), the most similar sources
    are searched, by `passes` of PatchMatch's propagation and random search and with colors in Lab, and each missing
    pixel becomes the mean of what the patches over it say. A patch weighs exp(-cost / 2 s) edge^-d, s being the third
    quartile of the costs and d the distance of its center from the hole's edge. In the end each pixel is taken from
    the source of the one patch over it that weighs most: what is filled in is copied, not averaged. The first filling,
    on the coarsest level, goes from the edge inwards and compares the known part of each patch.

    Of the two directions of similarity one is enough: every source lies in the filled picture too, at no cost.

    Where no patch of `side` pixels lies outside the hole, patches are as large as the largest that does. The search is
    random, but always the same for one picture. Raises `UserError` where not even one of 2 pixels does.
    """

    def __init__(self, side: int = 7, iterations: int = 2, passes: int = 2, edge: float = 1.3) -> None:
        super().__init__()
        if side < 2:
            raise UserError(f"generator.side={side} must be 2 or more")
        if not edge > 0.0:
            raise UserError(f"generator.edge={edge} must be above 0")
        self.side, self.iterations, self.passes, self.edge = side, iterations, passes, edge

    def fill(self, picture: Picture, hole: Hole) -> Picture:
        if (side := fitting(hole, range(self.side, 1, -1))) < self.side:
            smaller = copy(self)
            smaller.side = side
            return smaller.fill(picture, hole)
        rng = generator_for(0, "patchmatch")
        levels = self._pyramid(picture, hole)
        level = levels[-1]
        field = self._begun(levels, rng)
        target = self._from_the_edge(field, level)
        # A level costs what is missing in it.
        costs = [int(np.count_nonzero(level.hole)) for level in levels]
        total, done = sum(cost * (self.iterations + below) for below, cost in enumerate(costs)), 0
        for below in reversed(range(len(levels))):
            if level is not levels[below]:
                level = levels[below]
                field, target = self._finer(field, level, target)
            for _ in range(self.iterations + below):
                report(done, total, "pixel")
                done += costs[below]
                field.compare(level.colors, target)
                field.search(self.passes, LEAPS)
                target = self._voted(field, level)
        field.compare(level.colors, target)
        field.search(self.passes, LEAPS)
        return self._finished(field, level, picture)

    def _begun(self, levels: list[Level], rng: np.random.Generator) -> Any:
        """Return the field of the coarsest level, its matches at random."""
        sources = levels[-1].sources
        return NearestField(sources, ~sources, self.side, scattered(sources, rng), rng)

    def _finer(self, field: Any, level: Level, target: Floats) -> tuple[Any, Floats]:
        """Return the field and the filling of a level, from those of the coarser one."""
        field = doubled(field, level.sources)
        return field, self._voted(field, level)

    def _pyramid(self, picture: Picture, hole: Hole) -> list[Level]:
        """Return levels from fine to coarse, halved until the hole is no deeper than a patch is wide."""
        colors: Floats = np.asarray(cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2Lab), np.float32)
        levels = [Level(colors, hole, whole(hole, self.side))]
        while depths(levels[-1].hole).max() > self.side:
            colors, hole = halved(levels[-1].colors, levels[-1].hole)
            if min(hole.shape) < self.side or np.count_nonzero(sources := whole(hole, self.side)) < _FEWEST:
                break
            levels.append(Level(colors, hole, sources))
        return levels

    def _from_the_edge(self, field: Field, level: Level) -> Floats:
        """Return a first filling, layer by layer of one pixel, from what the patches show that is known already."""
        target, known = level.colors, ~level.hole
        while not known.all():
            field.compare(level.colors, target, known)
            field.search(self.passes, LEAPS)
            grown = cv2.dilate(known.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
            target = np.where((grown & ~known)[..., None], self._vote(field, level, target), target)
            known = grown
        return target

    def _weights(self, field: Field, level: Level) -> NDArray[np.float64]:
        """Return what the patches weigh, (N,)."""
        half = self.side // 2
        return self.weighed(field.cost, depths(level.hole)[field.query_y + half, field.query_x + half], spread(field))

    def weighed(self, cost: Floats, depth: Floats, spread: float) -> NDArray[np.float64]:
        """Return what patches of some costs weigh so deep in the hole."""
        # The least of them is not 0: a pixel that only bad patches cover is filled by these.
        return np.asarray(np.exp(-np.minimum(cost / (2 * spread), 100.0)) * self.edge ** -depth.astype(np.float64))

    def _voted(self, field: Field, level: Level) -> Floats:
        """Return the picture of a level with its hole filled as the field says."""
        return self._vote(field, level, level.colors)

    def _vote(self, field: Field, level: Level, target: Floats) -> Floats:
        """Return `target` with the weighted mean of what the matches show in the hole."""
        return mean_into(target, level.hole, self._said(field, level))

    def _said(self, field: Field, level: Level) -> NDArray[np.float64]:
        """Return the weighted sum of what the matches show, and of their weights: (H, W, 4)."""
        weights = self._weights(field, level)[:, None]
        total = np.zeros((*level.hole.shape, 4))
        for dy, dx in np.ndindex(self.side, self.side):
            # Queries are all different, so no two of them add to the same pixel at once.
            at = field.query_y + dy, field.query_x + dx
            total[*at, :3] += weights * field.shown(level.colors, dy, dx)
            total[*at, 3] += weights[:, 0]
        return total

    def _finished(self, field: Field, level: Level, picture: Picture) -> Picture:
        """Return the picture with its hole filled as the field says in the end."""
        return self._best(field, level, picture)

    def _best(self, field: Field, level: Level, picture: NDArray[Any]) -> NDArray[Any]:
        """Return a picture with each missing pixel as the one patch over it shows it that weighs most."""
        weights = self._weights(field, level)
        heaviest, filled = np.zeros(level.hole.shape), picture.copy()
        for dy, dx in np.ndindex(self.side, self.side):
            at = field.query_y + dy, field.query_x + dx
            better = (weights > heaviest[at]) & level.hole[at]
            at = at[0][better], at[1][better]
            heaviest[at], filled[at] = weights[better], field.shown(picture, dy, dx)[better]
        return filled


def painted(colors: Floats, hole: Hole, picture: Picture) -> Picture:
    """Return a picture whose hole is filled with colors in Lab, (H, W, 3)."""
    found = cv2.cvtColor(colors, cv2.COLOR_Lab2RGB)
    return np.where(hole[..., None], np.rint(found.clip(0, 1) * 255).astype(np.uint8), picture)


def spread(field: Field) -> float:
    """Return the third quartile of the costs of a field, by which they are measured."""
    return max(float(np.quantile(field.cost[np.isfinite(field.cost)], 0.75)), 1e-3)


def mean_into(target: Floats, hole: Hole, total: NDArray[np.float64]) -> Floats:
    """Return a picture whose hole is filled from a weighted sum and the sum of the weights, (H, W, 4)."""
    filled = target.copy()
    filled[hole] = total[hole, :3] / total[hole, 3:]
    return filled


def depths(hole: Hole) -> Floats:
    """Return the distance of every pixel to the closest known one."""
    return np.asarray(cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 3), np.float32)


def halved(colors: Floats, hole: Hole) -> tuple[Floats, Hole]:
    """Return a picture of half the sides: smoothed over its known pixels, missing where one pixel of four is."""
    odd = [(0, length % 2) for length in hole.shape]
    colors, hole = np.pad(colors, [*odd, (0, 0)], "edge"), np.pad(hole, odd, "edge")
    known = (~hole).astype(np.float32)
    zeros: dict[str, Any] = {"anchor": (2, 2), "borderType": cv2.BORDER_CONSTANT}
    share = cv2.sepFilter2D(known, -1, _KERNEL, _KERNEL, **zeros)[::2, ::2, None]
    smooth = cv2.sepFilter2D(colors * known[..., None], -1, _KERNEL, _KERNEL, **zeros)[::2, ::2]
    missing = hole[::2, ::2] | hole[1::2, ::2] | hole[::2, 1::2] | hole[1::2, 1::2]
    return np.where(missing[..., None], np.float32(0), smooth / np.maximum(share, 1e-6)), missing


def scattered(sources: Flags, rng: np.random.Generator) -> Integers:
    """Return a source at random for every patch that is none: (2, N)."""
    places = np.argwhere(sources)
    return places[rng.integers(0, len(places), np.count_nonzero(~sources))].T.astype(np.int32)


def doubled(field: NearestField, sources: Flags) -> NearestField:
    """Return the field of the next finer level, its offsets twice as long, its costs those of the patches it is from.

    Where a patch of the coarser level is a source, so are all patches below it.
    """
    queries = np.argwhere(~sources).T
    parents = np.minimum(queries // 2, np.array(field.sources.shape)[:, None] - 1)
    rows = field.number[parents[0], parents[1]]
    start = 2 * np.stack([field.y[rows], field.x[rows]]) + queries - 2 * parents
    finer = NearestField(sources, ~sources, field.side, start.astype(np.int32), field.rng)
    finer.cost = field.cost[rows]
    return finer
