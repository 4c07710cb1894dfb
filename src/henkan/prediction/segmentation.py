"""What a network of segmentation finds in a person's own pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from henkan import color
from henkan.prediction import tiling
from henkan.prediction.pictures import on_white, png, read
from henkan.prediction.predictor import Predictor


class SegmentPictures(Predictor):
    """Writes the likeliest class of every pixel as a PNG with VOC's palette, whose indexes are the classes.

    The whole picture is given to the network, in tiles that fit the budget, on white where it is transparent, and in
    grey of the same lightness where the network was trained on grey pictures. Where tiles overlap their probabilities
    are mixed.
    """

    def __call__(self, path: Path) -> Iterator[tuple[str, bytes]]:
        found = Image.fromarray(self.classes(on_white(read(path))), "L")
        found.putpalette(palette())
        yield ".png", png(found)

    @torch.inference_mode()
    def classes(self, picture: tiling.Floats) -> NDArray[np.uint8]:
        """Return the likeliest classes (H, W) of a picture (H, W, 3) in [0, 1]."""
        height, width = picture.shape[:2]
        context, multiple = getattr(self.network, "context", None), getattr(self.network, "multiple", 1)
        tiles = tiling.split(np.ones((height, width), bool), self.budget, context, multiple)

        def probabilities(box: tiling.Box) -> tiling.Floats:
            source = torch.from_numpy(picture[box.slices].copy()).permute(2, 0, 1)[None].to(self.device)
            if self.trained.source_channels == 1:
                source = color.grey(color.rgb_to_lab(source)[:, :1])
            shares = self.transform.generate(self.network, {"source": source})["raw"].softmax(1)
            return np.asarray(shares[0].permute(1, 2, 0).cpu().numpy(), np.float32)

        return np.asarray(tiling.merge(tiles, probabilities, height, width).argmax(2), np.uint8)


def palette() -> list[int]:
    """Return VOC's 256 colors, as Pillow wants them: red, green and blue of each."""
    colors = color.class_colors(torch.arange(256).view(-1, 1, 1, 1)).mul(255).round()
    return [int(value) for value in colors.flatten().tolist()]
