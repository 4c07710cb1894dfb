"""The discriminator of Real-ESRGAN (Wang et al. 2021): a U-Net with spectral normalization."""

from __future__ import annotations

import itertools

import torch.nn.functional as F
from torch import Tensor, nn

from henkan.discriminators.smallest_side import check_side
from henkan.networks.layers import add_spectral_norm, scaled

LEVELS = 3


class UNetDiscriminator(nn.Module):
    """Judge every pixel of a picture by what is around it: three halvings, and up again beside what was seen before.

    `image` (B, channels, H, W) in [0, 1], shown as it is; returns one logit a pixel (B, 1, H, W) and the maps before.
    Enlarged bilinearly on the way up; the maps of the way down are added. Spectral normalization is of all layers but
    the first and the last. `width` multiplies every number of channels: 4,376,897 parameters at 1. Raises `UserError`
    for pictures of fewer than 8 pixels a side.
    """

    def __init__(self, channels: int = 3, width: float = 1.0, spectral_norm: bool = True) -> None:
        super().__init__()
        counts = [scaled(64 * 2**level, width) for level in range(LEVELS + 1)]
        self.maps = nn.ModuleList([_activated(nn.Conv2d(channels, counts[0], 3, padding=1))])
        # A spectral norm measures weights, which no bias belongs to.
        for inputs, outputs in itertools.pairwise(counts):
            self.maps.append(_activated(nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False)))
        for inputs, outputs in itertools.pairwise([*counts[::-1], counts[0], counts[0]]):
            self.maps.append(_activated(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)))
        self.last = nn.Conv2d(counts[0], 1, 3, padding=1)
        if spectral_norm:
            for layer in self.maps[1:]:
                add_spectral_norm(layer)

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        check_side(image, 2**LEVELS, "this discriminator", "choose a larger size")
        x = image
        maps: list[Tensor] = []
        for block in self.maps[: LEVELS + 1]:
            x = block(x)
            maps.append(x)
        for block, beside in zip(self.maps[LEVELS + 1 : 2 * LEVELS + 1], maps[-2::-1], strict=True):
            maps.append(block(F.interpolate(x, beside.shape[-2:], mode="bilinear")))
            x = maps[-1] + beside
        for block in self.maps[2 * LEVELS + 1 :]:
            x = block(x)
            maps.append(x)
        return self.last(x).to(image.dtype), maps


def _activated(layer: nn.Conv2d) -> nn.Sequential:
    return nn.Sequential(layer, nn.LeakyReLU(0.2, inplace=True))
