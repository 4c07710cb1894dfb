"""Enlarge a picture: what a network of super-resolution makes of a person's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from henkan.errors import UserError
from henkan.prediction import tiling
from henkan.prediction.pictures import png, profile, read
from henkan.prediction.predictor import Predictor

# No picture larger than this is made: Pillow would not read it again.
LARGEST = 1 << 27


class EnlargePictures(Predictor):
    """Gives the whole picture to the network, in tiles that fit the budget; grey stays grey, alpha is enlarged too."""

    def __call__(self, path: Path) -> Iterator[tuple[str, bytes]]:
        image = read(path)
        scale = self.transform.task.scale
        width, height = image.width * scale, image.height * scale
        if width * height > LARGEST:
            raise UserError(f"{path} would become {width}x{height} pixels: cut it, or make it smaller first")
        large = Image.fromarray(self.enlarged(np.asarray(image.convert("RGB"))))
        if image.mode in ("L", "LA"):
            large = large.convert("L")
        if image.mode in ("LA", "RGBA"):
            large.putalpha(image.getchannel("A").resize((width, height), Image.Resampling.BICUBIC))
        yield ".png", png(large, profile(image))

    @torch.inference_mode()
    def enlarged(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the network's picture (H, W, 3) of a small one (h, w, 3)."""
        height, width = pixels.shape[:2]
        everywhere = np.ones((height, width), bool)
        context, multiple = getattr(self.network, "context", None), getattr(self.network, "multiple", 1)
        tiles = tiling.split(everywhere, self.budget, context, multiple)

        def enlarge(box: tiling.Box) -> tiling.Floats:
            small = torch.from_numpy(pixels[box.slices].copy()).permute(2, 0, 1)[None].to(self.device)
            output = self.transform.generate(self.network, {"source": small / 255.0})["output"]
            return np.asarray(output[0].permute(1, 2, 0).cpu().numpy(), np.float32)

        merged = tiling.merge(tiles, enlarge, height, width, self.transform.task.scale)
        return (merged.clip(0, 1) * 255).round().astype(np.uint8)
