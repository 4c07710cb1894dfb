"""The discriminator of SRGAN, "Photo-Realistic Single Image Super-Resolution Using a GAN" (Ledig et al. 2017)."""

from __future__ import annotations

import math

from torch import Tensor, nn

from henkan.discriminators.fixed_side import FixedSide, halvings
from henkan.networks.layers import Normalization, add_spectral_norm, initialize_he, normalized, scaled

# What the paper's four halvings leave of its 96 pixels.
REMAINING = 6


class SRGANDiscriminator(FixedSide):
    """Judge a picture as a whole, by itself: pairs of 3 x 3 convolutions, one of stride 2, and two linear layers.

    `image` (B, channels, side, side) in [0, 1], mapped to [-1, 1] inside; returns the logits (B, 1) and every
    convolution's map. `depth` is how often the side is halved; null: what leaves about 6 x 6, four times for the
    paper's 96 pixels. All convolutions but the first are normalized. `width` multiplies every number of channels:
    23,565,505 parameters at 1 for 96 pixels. Without normalization (`null`) the weights start from He's
    initialization. Raises `UserError` for pictures of another size.
    """

    def __init__(
        self,
        side: int = 96,
        channels: int = 3,
        depth: int | None = None,
        width: float = 1.0,
        normalization: Normalization | None = nn.BatchNorm2d,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__(side)
        depth = halvings(side, depth, REMAINING)
        inputs = channels
        for level in range(depth):
            outputs = scaled(64 * min(2**level, 8), width)
            for stride in (1, 2):
                norm = normalization if self.maps else None
                layer = nn.Conv2d(inputs, outputs, 3, stride, padding=1)
                self.maps.append(nn.Sequential(*normalized(layer, norm), nn.LeakyReLU(0.2, inplace=True)))
                inputs = outputs
        codes = scaled(1024, width)
        pixels = math.ceil(side / 2**depth) ** 2
        self.code = nn.Sequential(nn.Linear(inputs * pixels, codes), nn.LeakyReLU(0.2, inplace=True))
        self.last = nn.Linear(codes, 1)
        if normalization is None:
            initialize_he(self)
        if spectral_norm:
            add_spectral_norm(self)

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        maps = self.seen(image * 2.0 - 1.0)
        return self.last(self.code(maps[-1].flatten(1))).to(image.dtype), maps
