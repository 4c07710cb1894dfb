"""The picture in whose style others are to be painted."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from henkan.data.contents import hash_contents
from henkan.data.decode import decode
from henkan.data.frame import no_larger
from henkan.data.photographs import picture_file
from henkan.data.pictures import Picture
from henkan.degradations.identity import Identity
from henkan.errors import UserError
from henkan.sample import Parameters


class StylePicture(Identity):
    """Shows the target itself, and beside it `style_picture`, the same one in every sample, in color.

    `path` is a file, or the name of a sample photograph. Its longer side is shrunk to `size` pixels (null: it keeps its
    own): strokes are transferred as large as they are there.
    """

    def __init__(self, path: str | Path, size: int | None = None) -> None:
        super().__init__()
        if size is not None and size < 1:
            raise UserError(f"degradation.size={size} must be 1 or more, or null")
        self.path, self.size = path, size

    @cached_property
    def picture(self) -> Picture:
        """Read when it is first drawn: a trained network paints without it."""
        picture = decode(picture_file(self.path))
        return picture if self.size is None else no_larger(picture, self.size)

    def draw(self, target: NDArray[np.uint8], rng: np.random.Generator, name: str = "") -> Parameters:
        return {**super().draw(target, rng, name), "style_picture": self.picture.transpose(2, 0, 1)}

    def manifest(self) -> str:
        file = picture_file(self.path)
        return hash_contents(file.parent, [file.name], None)
