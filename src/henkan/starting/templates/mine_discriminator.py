"""A discriminator: a few layers that tell real pictures from made ones, patch by patch."""

from __future__ import annotations

import itertools

from torch import Tensor, nn


class MineDiscriminator(nn.Module):
    """Three strided convolutions and a last one: a logit for each patch of 46 pixels.

    The arguments of `forward` are named after what the task lets it see (`judged` of its class): `image` (B, C, H, W)
    in [0, 1], real or made, and `condition`, `mask`, `window`, if it asks for them. Returns logits (B, ...), higher
    for real, and the list of its layers' maps, which loss=[...,feature_matching] compares; logits alone will do.
    Batch normalization goes with every objective, but not with r1 and gradient_penalty.
    """

    def __init__(self, channels: int = 3, width: float = 1.0) -> None:
        super().__init__()
        counts = [channels, *(max(1, round(count * width)) for count in (64, 128, 256))]
        self.maps = nn.ModuleList(
            nn.Sequential(nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.LeakyReLU(0.2))
            for inputs, outputs in itertools.pairwise(counts)
        )
        self.last = nn.Conv2d(counts[-1], 1, 4, padding=2)

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        values, maps = image * 2 - 1, []
        for layer in self.maps:
            values = layer(values)
            maps.append(values)
        return self.last(values), maps
