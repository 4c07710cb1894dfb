"""A source of pictures: pages of colored stripes, which are drawn; yours may read files."""

from __future__ import annotations

from zlib import crc32

import numpy as np

from henkan.data.pictures import Picture, Pictures
from henkan.errors import UserError


class MineData(Pictures):
    """`count` pictures of stripes in two colors, `side` x `side` pixels, each a function of its name alone.

    A source tells the names of its pictures, relative paths: a folder named train, val or test in one is its split,
    all others are split by hash, 80/10/10. `picture` returns one, uint8 (H, W, 3), or (H, W, 1) with `channels = 1`,
    in any worker, any number of times the same. `manifest` is a hash of what they are: another one makes another run.
    `companions` and `facts_of` return what belongs to a picture (depth, labels, …). What lies in files derives from
    henkan.data.folder.Folder, which does more of this, and plain pictures in folders need no class: data=image_folder.
    """

    def __init__(self, count: int = 100, side: int = 96) -> None:
        if count < 10:
            raise UserError(f"data.count={count} must be 10 or more: there are three splits")
        self.count, self.side = count, side
        super().__init__([f"{part(number)}/{number:05d}" for number in range(count)], "the stripes of mine_data")

    def picture(self, name: str) -> Picture:
        rng = np.random.default_rng(crc32(name.encode()))
        colors = rng.integers(0, 256, (2, 3), np.uint8)
        stripes = (np.arange(self.side) // rng.integers(4, self.side // 2)) % 2
        return np.ascontiguousarray(np.broadcast_to(colors[stripes][None], (self.side, self.side, 3)))

    def manifest(self) -> str:
        return f"mine_data-1-{self.count}-{self.side}"


def part(number: int) -> str:
    """Return the split of a picture: the last two of ten are for validation and test."""
    return {8: "val", 9: "test"}.get(number % 10, "train")
