"""Work where there is a hole, in tiles that fit a budget: which parts to read and to write, and how seams blend."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from henkan.errors import UserError
from henkan.progress import report

Floats = NDArray[np.float32]
# What a pixel is assumed to need around it where a network says nothing (`context`), and the width of a seam.
AROUND = 128
SEAM = 32


@dataclass(frozen=True)
class Box:
    """Rows `top` to `bottom` and columns `left` to `right`, ends excluded."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def times(self, scale: int) -> Box:
        """Return the box in a picture that is `scale` times larger."""
        return Box(*(edge * scale for edge in (self.top, self.bottom, self.left, self.right)))

    @property
    def pixels(self) -> int:
        return (self.bottom - self.top) * (self.right - self.left)

    def grown(self, by: int, height: int, width: int, multiple: int = 1) -> Box:
        """Return the box with `by` more pixels on each side, out to multiples of `multiple`, inside the picture."""
        return Box(
            max(0, self.top - by) // multiple * multiple,
            min(height, math.ceil((self.bottom + by) / multiple) * multiple),
            max(0, self.left - by) // multiple * multiple,
            min(width, math.ceil((self.right + by) / multiple) * multiple),
        )


@dataclass(frozen=True)
class Tile:
    """What of a picture is given to a network, and what of its answer is taken."""

    read: Box
    write: Box


def split(hole: NDArray[np.bool_], budget: int, context: int | None = None, multiple: int = 1) -> list[Tile]:
    """Return the tiles that fill a hole (H, W), none of which reads more than `budget` pixels.

    Each reads `context` pixels around what it writes (null: the whole picture if it fits, else `AROUND`), from
    multiples of `multiple` on, so that a network of that context answers as it would for the whole picture.
    Raises `UserError` if the budget does not hold one tile, or one with anything known around the hole.
    """
    if not hole.any():
        return []
    height, width = hole.shape
    missing = bounds(hole)
    if context is None and hole.size <= budget:
        return [Tile(Box(0, height, 0, width), missing)]
    around = AROUND if context is None else context
    one = missing.grown(around, height, width, multiple)
    if one.pixels <= budget:
        return [Tile(one, missing)]
    side = math.isqrt(budget) - 2 * (around + SEAM + multiple)
    if side < 1:
        needed = (2 * (around + SEAM + multiple) + 64) ** 2 / 1e6
        raise UserError(f"a tile does not fit {budget / 1e6:g} megapixels: give megapixels={needed:.2f} or more")
    tiles = []
    for top in range(missing.top, missing.bottom, side):
        for left in range(missing.left, missing.right, side):
            core = Box(top, min(top + side, missing.bottom), left, min(left + side, missing.right))
            write = core.grown(SEAM, height, width)
            if hole[write.slices].any():
                tiles.append(Tile(write.grown(around, height, width, multiple), write))
    # What sees as far as it needs would do as well with the whole picture: there, too, it would see nothing known.
    if context is None and not hole.all() and any(hole[tile.read.slices].all() for tile in tiles):
        needed = math.ceil(one.pixels / 1e4) / 100
        raise UserError(f"the hole is larger than a tile of {budget / 1e6:g} megapixels: give megapixels={needed:.2f}")
    return tiles


def bounds(hole: NDArray[np.bool_]) -> Box:
    """Return the smallest box around all that is missing; there must be something."""
    rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
    return Box(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)


def merge(tiles: list[Tile], fill: Callable[[Box], Floats], height: int, width: int, scale: int = 1) -> Floats:
    """Return (H, W, C) of what `fill` returns for each tile's `read`; seams are weighted means, 0 where none wrote.

    With `scale` answers are that many times larger than what was read, and so is the picture.
    """
    total: Floats | None = None
    weight = np.zeros((height * scale, width * scale, 1), np.float32)
    for number, tile in enumerate(tiles):
        report(number, len(tiles), "tile")
        answer = fill(tile.read)
        own = Box(
            tile.write.top - tile.read.top,
            tile.write.bottom - tile.read.top,
            tile.write.left - tile.read.left,
            tile.write.right - tile.read.left,
        ).times(scale)
        if total is None:
            total = np.zeros((*weight.shape[:2], answer.shape[-1]), np.float32)
        write, share = tile.write.times(scale), ramp(tile.write.times(scale))
        total[write.slices] += answer[own.slices] * share
        weight[write.slices] += share
    if total is None:
        raise ValueError("there are no tiles")
    np.divide(total, weight, out=total, where=weight > 0)
    return total


def ramp(box: Box) -> Floats:
    """Return weights (h, w, 1) in (0, 1] that rise from each side of a tile to 1 across two seam widths."""

    def along(length: int) -> Floats:
        near = np.minimum(np.arange(length), np.arange(length)[::-1]) + 1
        return np.minimum(1, near / (2 * SEAM + 1)).astype(np.float32)

    return np.asarray(along(box.bottom - box.top)[:, None, None] * along(box.right - box.left)[None, :, None])
