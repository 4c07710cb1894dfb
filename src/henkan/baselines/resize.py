"""Interpolation: what every super-resolution has to beat."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from henkan.baselines.baseline import Baseline
from henkan.networks.resampling import enlarged


class Bicubic(Baseline):
    """Enlarges `image` (B, C, h, w) `scale` times by MATLAB's bicubic kernel; `raw` is clipped to [0, 1]."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return {"raw": enlarged(image, self.scale).clamp(0.0, 1.0)}


class Lanczos(Baseline):
    """Enlarges `image` (B, C, h, w) `scale` times by Pillow's Lanczos kernel of three lobes; `raw` is in [0, 1]."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        height, width = image.shape[-2:]
        size = (width * self.scale, height * self.scale)
        planes = image.detach().cpu().float().reshape(-1, height, width).numpy()
        large = [np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.LANCZOS)) for plane in planes]
        raw = torch.from_numpy(np.stack(large)).reshape(*image.shape[:2], size[1], size[0])
        return {"raw": raw.clamp(0.0, 1.0).to(image.device)}
