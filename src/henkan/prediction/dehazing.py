"""Take the haze out of a person's own pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from henkan.data.drawings import Floats
from henkan.errors import UserError
from henkan.networks.modes import learns
from henkan.prediction import tiling
from henkan.prediction.pictures import png, profile, read
from henkan.prediction.predictor import Predictor


class ClearHaze(Predictor):
    """Gives the network the whole picture; in tiles where that does not fit into `megapixels` and the network says how
    far it sees (`context`).

    Any other knows the haze by the picture as a whole, and tiles of it would differ: then a `UserError` says what to
    give. A picture keeps its mode, its alpha and its color profile: a grey one stays grey.
    """

    def __call__(self, path: Path) -> Iterator[tuple[str, bytes]]:
        image = read(path)
        hazy = np.asarray(image.convert("RGB"), np.float32) / np.float32(255)
        result = Image.fromarray((self.cleared(hazy, str(path)).clip(0, 1) * 255).round().astype(np.uint8))
        if image.mode in ("L", "LA"):
            result = result.convert("L")
        if image.mode in ("LA", "RGBA"):
            result.putalpha(image.getchannel("A"))
        yield ".png", png(result, profile(image))

    @torch.inference_mode()
    def cleared(self, hazy: Floats, name: str) -> Floats:
        """Return the network's clear picture (H, W, 3) of a hazy one, in about [0, 1]."""
        height, width = hazy.shape[:2]
        context = getattr(self.network, "context", None)
        if context is None and height * width > self.budget:
            needed = height * width / 1e6
            way = f"give megapixels={needed + 0.01:.2f}"
            if learns(self.network):
                way += ", or a network of finite context (aod_net)"
            raise UserError(f"{name} has {needed:.2f} megapixels, and is needed as a whole: {way}")
        everywhere = np.ones((height, width), bool)
        tiles = tiling.split(everywhere, self.budget, context, getattr(self.network, "multiple", 1))

        def clear(box: tiling.Box) -> Floats:
            source = torch.from_numpy(hazy[box.slices].transpose(2, 0, 1).copy())[None].to(self.device)
            output = self.transform.generate(self.network, {"source": source})["output"]
            return np.asarray(output[0].permute(1, 2, 0).cpu().numpy(), np.float32)

        return tiling.merge(tiles, clear, height, width)
