"""Give a network whole pictures, and keep of each what it does not change."""

from __future__ import annotations

import numpy as np
from PIL import Image

from henkan.data.drawings import Floats
from henkan.prediction.given import NOTHING, Given
from henkan.prediction.pictures import as_picture
from henkan.prediction.predictor import GREY, PICTURE, Predictor


class WholePictures(Predictor):
    """Returns what the network makes of a picture with the picture's mode, alpha and color profile.

    `colors`: what it makes of a grey one has colors.
    """

    colors = False

    def made(self, image: Image.Image, given: Given = NOTHING, name: str = PICTURE) -> Image.Image:
        image = self.sized(image, name)
        made = as_picture(self.answer(self.shown(image), name, given))
        if image.mode in GREY and not self.colors:
            made = made.convert("L")
        if image.mode in ("LA", "RGBA"):
            made.putalpha(image.getchannel("A").resize(made.size, Image.Resampling.BICUBIC))
        return made

    def sized(self, image: Image.Image, name: str) -> Image.Image:
        """Return the picture at the size at which it is worked on. Raises `UserError` for one that is too large."""
        return image

    def shown(self, image: Image.Image) -> Floats:
        """Return what the network is shown of a picture: (H, W, 3) in [0, 1]."""
        return np.asarray(np.asarray(image.convert("RGB"), np.float32) / 255, np.float32)

    def answer(self, picture: Floats, name: str, given: Given = NOTHING) -> Floats:
        """Return what the network makes of it, (H, W, 3) times the task's scale. Raises `UserError` naming it."""
        return self.in_tiles(picture, self.output)
