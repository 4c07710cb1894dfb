"""How super-resolution networks enlarge: by convolutions and pixel shuffles, or a plain interpolation beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from henkan.errors import UserError
from henkan.networks.resampling import enlarged

Interpolation = Literal["bilinear", "bicubic"]
Upsampling = Literal["shuffle", "nearest"]

STEPS = {2: (2,), 3: (3,), 4: (2, 2), 8: (2, 2, 2)}
"""By which factors a network enlarges, one after the other."""


def steps(scale: int) -> tuple[int, ...]:
    """Return the factors whose product is `scale`; raises `UserError` for a scale that networks are not built for."""
    if scale not in STEPS:
        raise UserError(f"degradation.scale={scale}: this network enlarges by {', '.join(map(str, STEPS))}")
    return STEPS[scale]


def enlarging(
    channels: int,
    scale: int,
    activation: Callable[[], nn.Module] | None = None,
    upsampling: Upsampling = "shuffle",
) -> nn.Sequential:
    """Return layers from (B, channels, h, w) to (B, channels, h·scale, w·scale).

    For each factor f of the scale, `shuffle`: a 3 x 3 convolution to f² times the channels, the pixel shuffle (Shi et
    al. 2016), and an activation; `nearest`: every value f x f times, a 3 x 3 convolution, and an activation, which cost
    the same and cannot leave a checkerboard (Odena et al. 2016).
    """
    layers: list[nn.Module] = []
    for factor in steps(scale):
        if upsampling == "shuffle":
            layers += (nn.Conv2d(channels, factor**2 * channels, 3, padding=1), nn.PixelShuffle(factor))
        else:
            layers += (nn.Upsample(scale_factor=factor), nn.Conv2d(channels, channels, 3, padding=1))
        if activation is not None:
            layers.append(activation())
    return nn.Sequential(*layers)


def interpolated(image: Tensor, scale: int, mode: Interpolation) -> Tensor:
    """Return a picture (B, C, h, w) `scale` times as large; bicubic is MATLAB's."""
    return enlarged(image, scale) if mode == "bicubic" else F.interpolate(image, scale_factor=scale, mode=mode)
