"""Pairs in one file each, side by side, as pix2pix keeps them: A on the left, B on the right."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Unpack

import numpy as np

from henkan.data.folder import Given
from henkan.data.image_folder import ImageFolder
from henkan.data.pictures import Layer, Picture
from henkan.errors import BrokenPicture, UserError


class SideBySide(ImageFolder):
    """The pairs in a folder and all folders below it, halves of equal width of one picture.

    `direction` AtoB takes the left half for the source and the right one for the target (Isola et al. 2017), BtoA the
    other way round. A picture of an odd width has no halves, and is as good as one that cannot be read.
    """

    # Halves of what was shrunk would be of other widths.
    shrinkable = False

    def __init__(
        self,
        path: str | Path,
        cache: str | Path | None = None,
        direction: Literal["AtoB", "BtoA"] = "AtoB",
        **given: Unpack[Given],
    ) -> None:
        if direction not in ("AtoB", "BtoA"):
            raise UserError(f"data.direction={direction} must be AtoB or BtoA")
        super().__init__(path, cache, **given)
        self.direction = direction

    def picture(self, name: str) -> Picture:
        return self._half(name, right=self.direction == "AtoB")

    def companions(self, name: str) -> dict[str, Layer]:
        return {"source": self._half(name, right=self.direction == "BtoA")}

    def _half(self, name: str, right: bool) -> Picture:
        both = super().picture(name)
        height, width = both.shape[:2]
        if width % 2:
            raise BrokenPicture(
                f"{self.path / name} is {width}x{height} pixels, and two pictures side by side are of an even width: "
                "cut it, or remove it"
            )
        return np.ascontiguousarray(both[:, width // 2 :] if right else both[:, : width // 2])
