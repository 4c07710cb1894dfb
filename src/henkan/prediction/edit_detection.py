"""Say where a picture may have been edited: a map as large as the picture, white = edited."""

from __future__ import annotations

from PIL import Image

from henkan.prediction.given import NOTHING, Given
from henkan.prediction.pictures import as_picture, on_white
from henkan.prediction.predictor import PICTURE, Predictor


class FindEdits(Predictor):
    """Gives the whole picture to the network, in tiles that fit the budget, at its own size: resizing wipes out traces.

    What is transparent is looked at on white.
    """

    profiled = False

    def made(self, image: Image.Image, given: Given = NOTHING, name: str = PICTURE) -> Image.Image:
        return as_picture(self.in_tiles(on_white(image), self.output)[..., 0])
