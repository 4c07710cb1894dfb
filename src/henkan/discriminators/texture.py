"""The discriminator of TextureGAN, by the first author of "Scribbler" (Sangkloy et al. 2017), for both."""

from __future__ import annotations

import itertools

from torch import Tensor, nn

from henkan.discriminators.smallest_side import check_side
from henkan.networks.layers import Normalization, add_spectral_norm, chain, scaled
from henkan.networks.residual import ResidualBlock, initialize_residual

# Kernels of the five convolutions of stride 2; two residual blocks stand behind the third.
KERNELS = (9, 5, 5, 4, 4)
BLOCKS = 2
# Padding of a convolution, published: 1 whatever its kernel is.
PUBLISHED = dict.fromkeys(KERNELS, 1)
HALF = {kernel: (kernel - 1) // 2 for kernel in KERNELS}


class TextureDiscriminator(nn.Module):
    """Judge the patches of a picture by itself: wide kernels of stride 2, residual blocks, hardly any normalization.

    `image` (B, C, H, W) in [0, 1], mapped to [-1, 1] inside; returns the logits (B, 1, h, w), 3 x 3 of them for 128 x
    128 pixels, 7 x 7 for 256 x 256, 1 x 1 for 64 x 64, and the maps before. Every convolution pads by 1, as published,
    which needs 43 pixels a side; built for a smaller `side`, it pads by half of each kernel and needs 25. Only the
    residual blocks are normalized, and the last two convolutions have dropout between them and no activation.
    `base` is the first number of channels, `width` multiplies all of them: 3,357,761 parameters for 3 channels and a
    base of 32. The weights start as `initialize_residual` says. Raises `UserError` for pictures too small for a
    single logit.
    """

    def __init__(
        self,
        side: int = 128,
        in_channels: int = 3,
        base: int = 32,
        width: float = 1.0,
        dropout: float = 0.2,
        normalization: Normalization | None = nn.BatchNorm2d,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        padding = PUBLISHED if side >= smallest(PUBLISHED) else HALF
        self.smallest = smallest(padding)
        first, second, third, fourth = (scaled(base * times, width) for times in (1, 2, 8, 4))
        channels = (in_channels, first, second, third, fourth, 1)
        layers = [
            nn.Conv2d(inputs, outputs, kernel, stride=2, padding=padding[kernel])
            for (inputs, outputs), kernel in zip(itertools.pairwise(channels), KERNELS, strict=True)
        ]
        self.maps = nn.ModuleList(nn.Sequential(layer, nn.LeakyReLU(0.2, inplace=True)) for layer in layers[:2])
        self.maps.append(nn.Sequential(layers[2], nn.LeakyReLU(0.2, inplace=True), nn.Dropout(dropout)))
        self.maps.extend(ResidualBlock(third, normalization) for _ in range(BLOCKS))
        self.maps.append(nn.Sequential(layers[3], nn.Dropout(dropout)))
        self.last = layers[4]
        initialize_residual(self)
        if spectral_norm:
            add_spectral_norm(self)

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        instead = "choose a larger size, or another discriminator"
        check_side(image, self.smallest, "this texture discriminator", instead)
        maps = chain(self.maps, image * 2.0 - 1.0)
        return self.last(maps[-1]).to(image.dtype), maps


def smallest(padding: dict[int, int]) -> int:
    """Return how many pixels a side needs for a single logit, with these paddings of the kernels."""
    side = 1
    for kernel in reversed(KERNELS):
        side = 2 * (side - 1) + kernel - 2 * padding[kernel]
    return side
