"""SSIMULACRA 2: how visible what compression, blur or noise does to a picture is to people."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from henkan.errors import MissingPackage
from henkan.metrics.per_image import exact, require_pair, require_side

_SCALES = 6
_SMALLEST = 8
_SIGMA, _RADIUS = 1.5, 5


class SSIMULACRA2:
    """SSIMULACRA 2.1 (Sneyers, 2023): SSIM and errors of edges at six scales in the colors XYB, weighted by people.

    100 is the same picture, 90 no difference to be seen side by side, 70 high, 50 medium, 30 low quality; there is no
    lower bound. Colors, maps and weights are those of the package ssimulacra2. Its scales and its blur are not: as the
    reference in libjxl does, the picture is halved until a side is under 8 pixels, that scale included, and blurred
    with nothing around it; the package ends one scale sooner and mirrors one pair of sides, which makes another score
    of pictures under 256 pixels.
    `output`, `target`: (B, 3, H, W) in [0, 1], grey ones (B, 1, H, W). Returns (B,). Raises `MissingPackage` without
    the package, `UserError` for pictures with a side under 8 pixels.
    """

    def __init__(self) -> None:
        self._parts = _package()

    @exact
    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        require_pair(output, target)
        require_side(output, _SMALLEST, "ssimulacra2")
        # (B, H, W, 3) in [0, 255].
        ours, theirs = (
            255 * images.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).double().cpu().numpy() for images in (output, target)
        )
        scores = [self._score(*pair) for pair in zip(theirs, ours, strict=True)]
        return torch.tensor(scores, dtype=torch.float32, device=output.device)

    def _score(self, target: np.ndarray, output: np.ndarray) -> float:
        parts, found = self._parts, self._parts.Msssim()
        linear = [parts.srgb_to_linear(picture) for picture in (target, output)]
        for scale in range(_SCALES):
            if min(linear[0].shape[:2]) < _SMALLEST:
                break
            if scale:
                linear = [parts.downsample(picture, 2, 2) for picture in linear]
            x, y = (parts.make_positive_xyb(parts.linear_rgb_to_xyb(picture)) for picture in linear)
            mean_x, mean_y = _blurred(x), _blurred(y)
            maps = parts.MsssimScale()
            maps.avg_ssim = parts.ssim_map(mean_x, mean_y, _blurred(x * x), _blurred(y * y), _blurred(x * y))
            maps.avg_edgediff = parts.edge_diff_map(x, mean_x, y, mean_y)
            found.scales.append(maps)
        return float(found.score())


def _blurred(picture: np.ndarray) -> np.ndarray:
    blurred: np.ndarray = gaussian_filter(picture, _SIGMA, mode="constant", radius=_RADIUS, axes=(0, 1))
    return blurred


def _package() -> ModuleType:
    try:
        from ssimulacra2 import ssimulacra2
    except ModuleNotFoundError as error:
        raise MissingPackage("ssimulacra2 needs the package ssimulacra2: pip install 'henkan[metrics]'") from error
    module: ModuleType = ssimulacra2
    return module
