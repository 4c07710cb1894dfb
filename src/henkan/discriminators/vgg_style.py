"""The discriminator of ESRGAN (Wang et al. 2018), in the manner of VGG."""

from __future__ import annotations

from torch import Tensor, nn

from henkan.discriminators.fixed_side import FixedSide, halvings
from henkan.errors import UserError
from henkan.networks.layers import Normalization, add_spectral_norm, initialize_he, normalized, scaled

# What the paper's five halvings leave of its 128 pixels.
REMAINING = 4


class VGGStyleDiscriminator(FixedSide):
    """Judge a picture as a whole, by itself: 3 x 3 convolutions, each before one of 4 x 4 and stride 2, and two linear
    layers.

    `image` (B, channels, side, side) in [0, 1], shown as it is; returns the logits (B, 1) and every convolution's map.
    `depth` is how often the side is halved; null: what leaves about 4 x 4, five times for the paper's 128 pixels. All
    convolutions but the first are normalized. `width` multiplies every number of channels: 14,499,401 parameters at 1
    for 128 pixels. Without normalization (`null`) the weights start from He's initialization. Raises `UserError` for
    pictures of another size, and for a depth that leaves nothing.
    """

    def __init__(
        self,
        side: int = 128,
        channels: int = 3,
        depth: int | None = None,
        width: float = 1.0,
        normalization: Normalization | None = nn.BatchNorm2d,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__(side)
        depth = halvings(side, depth, REMAINING)
        # Rounded down at each halving.
        remaining = side >> depth
        if remaining < 1:
            raise UserError(f"discriminator.depth={depth} leaves nothing of {side} pixels: lower it")
        inputs = channels
        for level in range(depth):
            outputs = scaled(64 * min(2**level, 8), width)
            for kernel, stride in ((3, 1), (4, 2)):
                norm = normalization if self.maps else None
                layer = nn.Conv2d(inputs, outputs, kernel, stride, padding=1, bias=norm is None)
                self.maps.append(nn.Sequential(*normalized(layer, norm), nn.LeakyReLU(0.2, inplace=True)))
                inputs = outputs
        codes = scaled(100, width)
        self.code = nn.Sequential(nn.Linear(inputs * remaining**2, codes), nn.LeakyReLU(0.2, inplace=True))
        self.last = nn.Linear(codes, 1)
        if normalization is None:
            initialize_he(self)
        if spectral_norm:
            add_spectral_norm(self)

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        maps = self.seen(image)
        return self.last(self.code(maps[-1].flatten(1))).to(image.dtype), maps
