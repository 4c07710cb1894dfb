"""Paint a person's own pictures in the style that a network has learned."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from PIL import Image

from henkan.data.drawings import Floats
from henkan.errors import UserError
from henkan.generators.pixels import Pixels
from henkan.prediction.given import NOTHING, Given
from henkan.prediction.pictures import on_white
from henkan.prediction.predictor import check_size
from henkan.prediction.whole_pictures import WholePictures
from henkan.ranks import say


class PaintPictures(WholePictures):
    """Gives the whole picture to the network, in tiles where it does not fit the budget.

    Strokes become as wide, in pixels, as they were trained: with `side` a picture is painted, and written, with its
    shorter side at so many pixels. Transparency and a color profile are kept.
    """

    colors = True

    def check(self, given: Mapping[str, Any]) -> None:
        if isinstance(self.network, Pixels):
            raise UserError(
                "generator=pixels has painted one picture, pictures/00_output.png of its run folder, and can paint no "
                "other: train a network with experiment=johnson"
            )
        if "style" in given:
            raise UserError(f"style={given['style']}: a network has one style, that of its training: leave it out")
        super().check(given)
        self.given_side()

    def sized(self, image: Image.Image, name: str) -> Image.Image:
        shorter = self.given_side()
        if shorter is not None:
            scale = shorter / min(image.size)
            width, height = (max(1, round(side * scale)) for side in image.size)
            check_size(width, height, f"side={shorter}", name)
            image = image.resize((width, height), Image.Resampling.LANCZOS)
        return image

    def shown(self, image: Image.Image) -> Floats:
        return on_white(image)

    def answer(self, picture: Floats, name: str, given: Given = NOTHING) -> Floats:
        pixels = picture.shape[0] * picture.shape[1]
        if self.context is None and max(picture.shape[:2]) <= (step := getattr(self.network, "multiple", 1)):
            # Of one number for each map there is no deviation.
            size = f"{picture.shape[1]}x{picture.shape[0]}"
            raise UserError(f"{name} has {size} pixels, too few for this network: side={2 * step} paints it larger")
        if self.context is None and pixels > self.budget:
            say(
                f"{name}: this network normalizes over whole pictures, and its tiles may differ in tone: "
                f"side=N paints it smaller, megapixels={math.ceil(pixels / 1e5) / 10:g} whole"
            )
        return super().answer(picture, name, given)
