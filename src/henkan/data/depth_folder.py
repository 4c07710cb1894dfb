"""A folder of pictures, each with a map of how far away things are."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from henkan.data.decode import in_16_bits, opened
from henkan.data.folder import Given
from henkan.data.paired_folder import PairedFolder
from henkan.data.pictures import Layer
from henkan.errors import UserError


class DepthFolder(PairedFolder):
    """Pictures and depth maps at the same relative path (whatever the extension) below two folders of `path`.

    A map is grey, of 8 or 16 bits; its companion `depth` (H, W, 1) float32 is the stored value times `unit` (0.001: 16
    bits of millimeters, in meters), or, without one, a share of the largest value that the file could hold. 0 is the
    camera itself: places where nothing was measured have to be filled before. Raises `UserError` naming pictures
    without a partner, and, when one is read, a map that is in color or of another size than its picture.
    """

    shrinkable = False

    def __init__(
        self,
        path: str | Path,
        cache: str | Path | None = None,
        depth: str = "depth",
        target: str = "target",
        unit: float | None = None,
        **given: Unpack[Given],
    ) -> None:
        if unit is not None and not unit > 0:
            raise UserError(f"data.unit={unit} must be above 0, or null for a share of the largest value")
        super().__init__(path, cache, depth, target, **given)
        self.unit = unit

    def companions(self, name: str) -> dict[str, Layer]:
        return {"depth": read_depth(self.partner(name), self.unit)}


def read_depth(path: Path, unit: float | None) -> NDArray[np.float32]:
    """Return a depth map (H, W, 1); see `DepthFolder`."""
    with opened(path) as image:
        if image.mode != "L" and not in_16_bits(image):
            raise UserError(f"{path} is no depth map but a picture of mode {image.mode}: save it as grey, 8 or 16 bits")
        stored = np.asarray(image) if image.mode == "L" else np.asarray(image).astype(np.uint16)
    scale = 1.0 / np.iinfo(stored.dtype).max if unit is None else unit
    return np.asarray(stored[..., None] * scale, np.float32)
