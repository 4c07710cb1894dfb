"""The photographs inside packages, those that are scored cut into tiles: so few pictures make dozens of scores."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from henkan.data.photographs import SPLIT_OF, Photographs
from henkan.data.pictures import Picture
from henkan.data.splits import Split
from henkan.errors import UserError


class PhotographTiles(Photographs):
    """`Photographs` whose two test pictures are cut into squares of `tile` pixels, what is over left out.

    Tiles of one photograph are no independent pictures: an interval over them is one for these two photographs.
    """

    def __init__(self, tile: int) -> None:
        super().__init__()
        if tile < 1:
            raise UserError(f"data.tile={tile} must be 1 pixel or more")
        self.tile = tile
        self._names["test"] = tuple(name for whole in self._names["test"] for name in self._tiles(whole))
        if not self._names["test"]:
            raise UserError(f"data.tile={tile} is larger than the photographs: give fewer pixels")

    def _tiles(self, name: str) -> Iterator[str]:
        height, width = super().picture(name).shape[:2]
        for top in range(0, height - self.tile + 1, self.tile):
            for left in range(0, width - self.tile + 1, self.tile):
                yield f"{name}@{top},{left}"

    def split(self, name: str) -> Split:
        return SPLIT_OF[name.partition("@")[0]]

    def picture(self, name: str) -> Picture:
        whole, _, place = name.partition("@")
        picture = super().picture(whole)
        if not place:
            return picture
        top, left = map(int, place.split(","))
        return np.ascontiguousarray(picture[top : top + self.tile, left : left + self.tile])
