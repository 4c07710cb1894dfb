"""Drawings in pixels: grey, dark lines on light paper, patches of all of them seen equally often."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Collection
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from henkan.data.decode import decode, picture_size
from henkan.data.pictures import Layer, Picture, Pictures, every
from henkan.data.shelf import shrunk_size
from henkan.data.splits import Split
from henkan.errors import BrokenPicture, UserError

Floats = NDArray[np.float32]

# A page without a line is taken for light lines on dark paper if it is darker than this.
DARKEST_PAPER = 0.45
# Lines are told from paper on a page of at most so many pixels a side, by so much of 1, against the middle tone of a
# neighborhood of so many pixels: uneven light does not matter.
OVERVIEW, CONTRAST, NEIGHBORHOOD = 512, 0.1, 51
# Paper that is as light as this counts as white.
WHITE = 0.85
TONES = np.arange(256, dtype=np.uint8)
# So many drawings of a folder are looked at for light lines on dark paper.
LOOKED_AT = 9


class Drawings(Pictures):
    """Pictures out of files as drawings, grey, (H, W, 1).

    `threshold` (of 1): what is darker becomes black, before and after a target is framed; null: it stays grey. `invert`
    turns light lines on dark paper around; without it they are refused. An epoch draws as many pictures as there are,
    each with a chance in proportion to its area, so that patches of all drawings are seen equally often.
    """

    channels = 1
    invert = False
    _chances: NDArray[np.float64] | None = None
    _looked_at = False

    @abstractmethod
    def file(self, name: str) -> Path:
        """Return where a drawing lies."""

    def picture(self, name: str) -> Picture:
        drawing = self.turned(super().picture(name))  # type: ignore[safe-super]
        return (
            drawing if self.threshold is None else by_table(np.where(255 * self.threshold > TONES, 0, TONES), drawing)
        )

    def decoded(self, path: Path) -> Picture:
        """Return the drawing in a file, (H, W, 1): a third of what its colors would take."""
        return grey(decode(path))

    def turned(self, drawing: Picture) -> Picture:
        """Return a drawing (H, W, 1), its tones turned around if they are to be."""
        return by_table(255 - TONES, drawing) if self.invert else drawing

    def prepare(self) -> None:
        """Look at some of the drawings; raises `UserError` if most have light lines on dark paper."""
        super().prepare()
        if self._looked_at:
            return
        names = every(self)
        some = names[:: max(1, len(names) // LOOKED_AT)]
        layers = [layer for name in some for layer in self._layers(name)]
        pages = [np.asarray(layer[..., 0] / 255, np.float32) for layer in layers]
        if sum(lines_are_light(page, most(page)) for page in pages) > len(pages) / 2:
            way = "drop data.invert=true" if self.invert else "data.invert=true turns them around"
            raise UserError(
                f"{self.where} looks like light lines on dark paper, and dark lines on light paper are needed: {way}"
            )
        self._looked_at = True

    def epoch(self, rng: np.random.Generator) -> NDArray[np.int64]:
        names = self._names["train"]
        if self._chances is None:
            areas = np.array([self._area(name) for name in names], float)
            if not areas.any():
                raise UserError(f"{self.where}: none of {len(names)} drawings can be read: henkan data lists all")
            self._chances = areas / areas.sum()
        return rng.choice(len(names), len(names), p=self._chances)

    def _layers(self, name: str) -> list[Layer]:
        """Return a drawing and what comes with it; nothing of a broken one where these are skipped."""
        try:
            return [self.picture(name), *self.companions(name).values()]
        except BrokenPicture:
            if not self.skip_broken:
                raise
            return []

    def _area(self, name: str) -> int:
        """Return how many pixels a drawing has; none where it is broken and these are skipped."""
        try:
            return math.prod(shrunk_size(*picture_size(self.file(name)), self.cache_side))
        except BrokenPicture:
            if not self.skip_broken:
                raise
            return 0

    def manifest_of(self, splits: Collection[Split]) -> str:
        return f"{super().manifest_of(splits)}-{self.threshold}{'-inverted' if self.invert else ''}"


def by_table(table: NDArray[np.uint8], drawing: Picture) -> Picture:
    """Return a drawing whose tones are those that a table has for them."""
    return np.asarray(cv2.LUT(drawing, table), np.uint8).reshape(drawing.shape)


def grey(picture: Picture) -> Picture:
    """Return an RGB picture as (H, W, 1)."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], np.uint8)


def lines_are_light(page: Floats, paper: float) -> bool:
    """Whether more of a page (H, W) is lighter than its surroundings than darker; `paper` is its commonest tone."""
    # White paper has no lighter lines, and black paper no darker ones, however wide they are.
    if not 1 - WHITE < paper < WHITE:
        return paper < 0.5
    scale = OVERVIEW / max(page.shape)
    if scale < 1:
        size = [max(1, round(side * scale)) for side in reversed(page.shape)]
        page = np.asarray(cv2.resize(page, size, interpolation=cv2.INTER_AREA), np.float32)
    around = cv2.medianBlur((page * 255).round().astype(np.uint8), NEIGHBORHOOD).astype(np.float32) / 255
    lighter, darker = (float(np.maximum(sign * (page - around) - CONTRAST, 0).sum()) for sign in (1, -1))
    return lighter > darker if lighter or darker else paper < DARKEST_PAPER


def most(channel: Floats) -> float:
    """Return the tone that most pixels have, of 32."""
    counts, edges = np.histogram(channel, bins=32, range=(0, 1))
    fullest = int(counts.argmax())
    inside = channel[(channel >= edges[fullest]) & (channel <= edges[fullest + 1])]
    return float(np.median(inside))
