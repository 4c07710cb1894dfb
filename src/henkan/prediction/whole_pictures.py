"""Give a network whole pictures, and keep of each what it does not change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from henkan.data.drawings import Floats
from henkan.prediction.pictures import as_picture, profile, read
from henkan.prediction.predictor import Predictor

GREY = ("L", "LA")


class WholePictures(Predictor):
    """Writes what the network makes of a picture with the picture's mode, alpha and color profile.

    `colors`: what it makes of a grey one has colors.
    """

    colors = False

    def __call__(self, path: Path, page: int = 0) -> Iterator[tuple[str, bytes]]:
        image = self.opened(path, page)
        made = as_picture(self.answer(self.shown(image), str(path)))
        if image.mode in GREY and not self.colors:
            made = made.convert("L")
        kept = profile(image) if (image.mode in GREY) == (made.mode in GREY) else None
        if image.mode in ("LA", "RGBA"):
            made.putalpha(image.getchannel("A").resize(made.size, Image.Resampling.BICUBIC))
        yield self.written(made, image, kept)

    def opened(self, path: Path, page: int) -> Image.Image:
        """Return the picture in a file, or a page of it."""
        return read(path, page)

    def shown(self, image: Image.Image) -> Floats:
        """Return what the network is shown of a picture: (H, W, 3) in [0, 1]."""
        return np.asarray(np.asarray(image.convert("RGB"), np.float32) / 255, np.float32)

    def answer(self, picture: Floats, name: str) -> Floats:
        """Return what the network makes of it, (H, W, 3) times the task's scale. Raises `UserError` naming it."""
        return self.in_tiles(picture, self.output)
