"""What was behind an object that has moved: PatchMatch, in which what the object newly hides has its say."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from henkan.baselines.filling import Hole, Picture, whole
from henkan.baselines.nearest import Field, Flags, Floats, NearestField
from henkan.baselines.patchmatch import LEAPS, Level, PatchMatch, depths, mean_into, spread


class Uncovering(PatchMatch):
    """Fills the place that an object has left, both ways (Simakov et al. 2008), all else being fixed.

    As in `PatchMatch` every patch that meets the hole should be like one outside of it. The other direction matters
    here, since the object hides something where it stands now: each patch of the source that meets its new place, the
    `cover` (H, W), votes where it finds what is most like it in what remains visible, if that is in the hole.
    """

    def __init__(self, cover: Hole, side: int = 7, iterations: int = 2, passes: int = 2, edge: float = 1.3) -> None:
        super().__init__(side, iterations, passes, edge)
        self.cover = cover
        self.covers: dict[tuple[int, ...], Flags] = {}

    def _pyramid(self, picture: Picture, hole: Hole) -> list[Level]:
        levels = super()._pyramid(picture, hole)
        cover = self.cover
        for level in levels:
            self.covers[level.hole.shape] = cover
            odd = np.pad(cover, [(0, length % 2) for length in cover.shape])
            cover = odd[::2, ::2] | odd[1::2, ::2] | odd[::2, 1::2] | odd[1::2, 1::2]
        return levels

    def _voted(self, field: Field, level: Level) -> Floats:
        total = self._said(field, level)
        visible = whole(self.covers[level.hole.shape], self.side)
        hidden = level.sources & ~visible
        if hidden.any() and visible.any():
            self._complete(total, self._found(hidden, visible, field, level, total), field, level)
        return mean_into(level.colors, level.hole, total)

    def _found(
        self, hidden: Flags, visible: Flags, field: Field, level: Level, total: NDArray[np.float64]
    ) -> NearestField:
        """Return where what is hidden is most like something that is visible."""
        places = np.argwhere(visible)
        start = places[field.rng.integers(0, len(places), np.count_nonzero(hidden))].T.astype(np.int32)
        found = NearestField(visible, hidden, self.side, start, field.rng)
        found.compare(mean_into(level.colors, level.hole, total), level.colors)
        found.search(self.passes, LEAPS)
        return found

    def _complete(self, total: NDArray[np.float64], found: NearestField, field: Field, level: Level) -> None:
        """Add to the weighted sum what hidden patches say: the less, the less it fits, and the deeper in the hole."""
        half = self.side // 2
        weights = self.weighed(found.cost, depths(level.hole)[found.y + half, found.x + half], spread(field))
        for dy, dx in np.ndindex(self.side, self.side):
            shown = level.colors[found.query_y + dy, found.query_x + dx]
            said = np.concatenate([weights[:, None] * shown, weights[:, None]], axis=1)
            np.add.at(total, (found.y + dy, found.x + dx), said)
