"""A folder of pairs of drawings: the rough sketch, and the clean one that it was made from."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from henkan.data.paired_folder import PairedFolder
from henkan.data.pictures import Picture


class PairedLines(PairedFolder):
    """Grey pairs, (H, W, 1).

    What is darker than `threshold` (of 1) in a target becomes black, before and after it is framed; null: it stays
    grey.
    """

    channels = 1

    def __init__(
        self,
        path: str | Path,
        threshold: float | None = 0.9,
        cache: str | Path | None = None,
        source: str = "source",
        target: str = "target",
    ) -> None:
        super().__init__(path, cache, source, target)
        self.threshold = threshold

    def picture(self, name: str) -> Picture:
        drawing = grey(super().picture(name))
        if self.threshold is not None:
            drawing[drawing < 255 * self.threshold] = 0
        return drawing

    def companions(self, name: str) -> dict[str, Picture]:
        return {key: grey(layer) for key, layer in super().companions(name).items()}

    def manifest(self) -> str:
        return f"{super().manifest()}-{self.threshold}"


def grey(picture: Picture) -> Picture:
    """Return an RGB picture as (H, W, 1)."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], np.uint8)
