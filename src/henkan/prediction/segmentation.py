"""What a network of segmentation finds in a person's own pictures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from henkan import color
from henkan.data.drawings import Floats
from henkan.errors import UserError
from henkan.prediction.given import NOTHING, Given
from henkan.prediction.pictures import on_white, png
from henkan.prediction.predictor import PICTURE, Predictor


class SegmentPictures(Predictor):
    """Writes the likeliest class of every pixel as a PNG with VOC's palette, whose indexes are the classes.

    The whole picture is given to the network, in tiles that fit the budget, on white where it is transparent, and in
    grey of the same lightness where the network was trained on grey pictures. Where tiles overlap their probabilities
    are mixed.
    """

    @property
    def endings(self) -> tuple[str, ...]:
        if self.ending != ".png":
            raise UserError(f"classes are written as PNG, which keeps them, and not as {self.ending.lstrip('.')}")
        return super().endings

    def made(self, image: Image.Image, given: Given = NOTHING, name: str = PICTURE) -> Image.Image:
        found = Image.fromarray(self.classes(on_white(image)))
        found.putpalette(palette())
        return found

    def files(self, made: Image.Image, source: Image.Image) -> Iterator[tuple[str, bytes]]:
        yield ".png", png(made)

    def classes(self, picture: Floats) -> NDArray[np.uint8]:
        """Return the likeliest classes (H, W) of a picture (H, W, 3) in [0, 1]."""
        return np.asarray(self.in_tiles(picture, self.probabilities).argmax(2), np.uint8)

    def probabilities(self, source: Tensor) -> Tensor:
        """Return the share of each class in every pixel of (1, 3, h, w)."""
        if self.trained.source_channels == 1:
            source = color.grey(color.rgb_to_lab(source)[:, :1])
        raw: Tensor = self.transform.generate(self.network, {"source": source})["raw"]
        return raw.softmax(1)


def palette() -> list[int]:
    """Return VOC's 256 colors, as Pillow wants them: red, green and blue of each."""
    colors = color.class_colors(torch.arange(256).view(-1, 1, 1, 1)).mul(255).round()
    return [int(value) for value in colors.flatten().tolist()]
