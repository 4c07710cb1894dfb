"""A folder of line drawings in pixels: scans, exports, ink."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from henkan.data.decode import decode, picture_size
from henkan.data.image_folder import ImageFolder
from henkan.data.paired_lines import grey
from henkan.data.pictures import Picture


class LineFolder(ImageFolder):
    """The drawings in a folder and all folders below it, grey, (H, W, 1).

    `threshold` (of 1): what is darker becomes black, before and after a target is framed, as Simo-Serra et al. 2016 do
    at 0.9; null leaves greys, as for rough sketches. An epoch draws as many pictures as there are, each with a chance
    in proportion to its area, so that patches of all drawings are seen equally often.
    """

    channels = 1

    def __init__(self, path: str | Path, threshold: float | None = None, cache: str | Path | None = None) -> None:
        super().__init__(path, cache)
        self.threshold = threshold
        self._chances: NDArray[np.float64] | None = None

    def picture(self, name: str) -> Picture:
        drawing = grey(decode(self.path / name))
        if self.threshold is not None:
            drawing[drawing < 255 * self.threshold] = 0
        return drawing

    def epoch(self, rng: np.random.Generator) -> NDArray[np.int64]:
        names = self._names["train"]
        if self._chances is None:
            areas = np.array([np.prod(picture_size(self.path / name)) for name in names], float)
            self._chances = areas / areas.sum()
        return rng.choice(len(names), len(names), p=self._chances)

    def manifest(self) -> str:
        return f"{super().manifest()}-{self.threshold}"
