"""Say where a picture may have been edited: a map as large as the picture, white = edited."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from henkan.prediction import tiling
from henkan.prediction.pictures import on_white, png, read
from henkan.prediction.predictor import Predictor


class FindEdits(Predictor):
    """Gives the whole picture to the network, in tiles that fit the budget, at its own size: resizing wipes out traces.

    What is transparent is looked at on white.
    """

    def __call__(self, path: Path) -> Iterator[tuple[str, bytes]]:
        found = self.found(on_white(read(path)))
        yield ".png", png(Image.fromarray((found.clip(0, 1) * 255).round().astype(np.uint8)))

    @torch.inference_mode()
    def found(self, picture: tiling.Floats) -> tiling.Floats:
        """Return the probability of every pixel of a picture (H, W, 3) to have been edited: (H, W) in [0, 1]."""
        height, width = picture.shape[:2]
        everywhere = np.ones((height, width), bool)
        context, multiple = getattr(self.network, "context", None), getattr(self.network, "multiple", 1)
        tiles = tiling.split(everywhere, self.budget, context, multiple)

        def look(box: tiling.Box) -> tiling.Floats:
            source = torch.from_numpy(picture[box.slices].copy()).permute(2, 0, 1)[None].to(self.device)
            output = self.transform.generate(self.network, {"source": source})["output"]
            return np.asarray(output[0].permute(1, 2, 0).cpu().numpy(), np.float32)

        return tiling.merge(tiles, look, height, width)[..., 0]
