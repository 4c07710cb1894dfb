"""Paint a person's own pictures in the style that a network has learned."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from henkan.data.drawings import Floats
from henkan.errors import UserError
from henkan.generators.pixels import Pixels
from henkan.prediction import tiling
from henkan.prediction.pictures import on_white, png, profile, read
from henkan.prediction.predictor import Predictor
from henkan.ranks import say


class PaintPictures(Predictor):
    """Gives the whole picture to the network, in tiles where it does not fit the budget.

    Strokes become as wide, in pixels, as they were trained: with `side` a picture is painted, and written, with its
    shorter side at so many pixels. Transparency and a color profile are kept.
    """

    def expect(self, pictures: Sequence[Path]) -> list[Path]:
        if isinstance(self.network, Pixels):
            raise UserError(
                "generator=pixels has painted one picture, pictures/00_output.png of its run folder, and can paint no "
                "other: train a network with experiment=johnson"
            )
        if self.cfg.style is not None:
            raise UserError(f"style={self.cfg.style}: a network has one style, that of its training: leave it out")
        side = self.cfg.side
        if side is not None and (not isinstance(side, int) or side < 1):
            raise UserError(f"side={side} must be a number of pixels, 1 or more")
        return []

    def __call__(self, path: Path) -> Iterator[tuple[str, bytes]]:
        image = read(path)
        kept = None if image.mode in ("L", "LA") else profile(image)
        if self.cfg.side is not None:
            scale = self.cfg.side / min(image.size)
            image = image.resize([max(1, round(side * scale)) for side in image.size], Image.Resampling.LANCZOS)
        pixels = self.painted(on_white(image), str(path))
        painted = Image.fromarray((pixels.clip(0, 1) * 255).round().astype(np.uint8))
        if image.mode in ("LA", "RGBA"):
            painted.putalpha(image.getchannel("A"))
        yield ".png", png(painted, kept)

    @torch.inference_mode()
    def painted(self, picture: Floats, name: str) -> Floats:
        """Return what the network makes of a picture (H, W, 3) in [0, 1]."""
        everywhere = np.ones(picture.shape[:2], bool)
        context, multiple = getattr(self.network, "context", None), getattr(self.network, "multiple", 1)
        tiles = tiling.split(everywhere, self.budget, context, multiple)
        if context is None and len(tiles) > 1:
            say(
                f"{name}: this network normalizes over whole pictures, and {len(tiles)} tiles may differ in tone: "
                f"side=N paints it smaller, megapixels={math.ceil(everywhere.size / 1e5) / 10:g} whole"
            )

        def paint(box: tiling.Box) -> Floats:
            part = np.ascontiguousarray(picture[box.slices].transpose(2, 0, 1))
            source: Tensor = torch.from_numpy(part)[None].to(self.device)
            output = self.transform.generate(self.network, {"source": source})["output"]
            return np.asarray(output[0].permute(1, 2, 0).cpu().numpy(), np.float32)

        return tiling.merge(tiles, paint, *picture.shape[:2])
