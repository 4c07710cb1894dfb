"""Residual blocks: that of Scribbler's networks, how networks of it start, and that of Johnson et al."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from henkan.networks.layers import Normalization, initialize_he, normalized


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions, each normalized, beside the identity; ReLU between them and after the sum (He 2016).

    Keeps the shape (B, channels, H, W).
    """

    def __init__(self, channels: int, normalization: Normalization | None) -> None:
        super().__init__()
        first, second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.first = nn.Sequential(*normalized(first, normalization), nn.ReLU(inplace=True))
        self.second = nn.Sequential(*normalized(second, normalization))

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = x + self.second(self.first(x))
        return total.relu_()


class UnpaddedBlock(nn.Module):
    """Two 3 x 3 convolutions without padding, each normalized, ReLU between them, beside the center of what they read.

    (B, channels, H, W) -> (B, channels, H - 4, W - 4).
    """

    def __init__(self, channels: int, normalization: Normalization | None) -> None:
        super().__init__()
        first, second = (nn.Conv2d(channels, channels, 3) for _ in range(2))
        self.layers = nn.Sequential(
            *normalized(first, normalization), nn.ReLU(inplace=True), *normalized(second, normalization)
        )

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = x[..., 2:-2, 2:-2] + self.layers(x)
        return total


@torch.no_grad()
def initialize_residual(network: nn.Module) -> None:
    """Start from He's initialization, but let each of N blocks add about 1/N of the variance instead of all of it.

    Without normalization, N blocks would multiply it by 2^N.
    """
    initialize_he(network)
    blocks = [module for module in network.modules() if isinstance(module, ResidualBlock)]
    for block in blocks:
        for layer in block.second:
            if isinstance(layer, nn.Conv2d):
                layer.weight.div_(math.sqrt(len(blocks)))
