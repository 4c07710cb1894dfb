"""The network of "FFA-Net: Feature Fusion Attention Network for Single Image Dehazing" (Qin et al. 2020)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from henkan.networks.layers import scaled

GROUPS = 3


class FFANet(nn.Module):
    """Clear a picture by three groups of blocks with attention to channels and to pixels, weighed against each other.

    Input: `image` (B, 3, H, W) in [0, 1], any H and W; returns `raw` (B, 3, H, W), what the layers find added to what
    they are given, (image - mean) / deviation; not clipped. Channels are 64 times `width`; 4,455,913 parameters with
    19 `blocks` in each group, 4,682,356 with 20. Parameters are named as in the published weights. mean 0 and
    deviation 1 start from the hazy picture itself.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: Sequence[float], deviation: Sequence[float], blocks: int = 19, width: float = 1.0) -> None:
        super().__init__()
        # Not among the weights: published ones have neither.
        for name, values in (("mean", mean), ("deviation", deviation)):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32).view(1, 3, 1, 1), persistent=False)
        channels = scaled(64, width)
        self.pre = nn.Sequential(_convolution(3, channels))
        self.g1, self.g2, self.g3 = (_Group(channels, blocks) for _ in range(GROUPS))
        fused, reduced = GROUPS * channels, max(1, channels // 16)
        self.ca = nn.Sequential(nn.AdaptiveAvgPool2d(1), *_gate(fused, reduced, fused))
        self.palayer = _PixelAttention(channels)
        self.post = nn.Sequential(_convolution(channels, channels), _convolution(channels, 3))

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        given = (image - self.mean) / self.deviation
        first = self.g1(self.pre(given))
        second = self.g2(first)
        third = self.g3(second)
        groups = torch.stack((first, second, third), dim=1)
        shares = self.ca(groups.flatten(1, 2)).unflatten(1, (GROUPS, -1))
        middle, last = self.post
        x = middle(self.palayer((shares * groups).sum(1)))
        # What is added to a dark pixel is larger than a picture: bf16 would have steps of four grey levels there.
        with torch.autocast(image.device.type, enabled=False):
            found = last(x.to(image.dtype))
        return {"raw": given + found}


class _ChannelAttention(nn.Module):
    """Weigh each channel by what its mean says."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.ca = nn.Sequential(*_gate(channels, max(1, channels // 8), channels))

    def forward(self, x: Tensor) -> Tensor:
        weighed: Tensor = x * self.ca(x.mean((2, 3), keepdim=True))
        return weighed


class _PixelAttention(nn.Module):
    """Weigh each pixel by what its channels say."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pa = nn.Sequential(*_gate(channels, max(1, channels // 8), 1))

    def forward(self, x: Tensor) -> Tensor:
        weighed: Tensor = x * self.pa(x)
        return weighed


class _Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = (_convolution(channels, channels) for _ in range(2))
        self.calayer = _ChannelAttention(channels)
        self.palayer = _PixelAttention(channels)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(x).relu() + x
        found: Tensor = self.palayer(self.calayer(self.conv2(y))) + x
        return found


class _Group(nn.Module):
    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        self.gp = nn.Sequential(*(_Block(channels) for _ in range(blocks)), _convolution(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.gp(x) + x
        return found


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def _gate(inputs: int, reduced: int, outputs: int) -> tuple[nn.Module, ...]:
    """Return the layers that find weights in [0, 1]."""
    return nn.Conv2d(inputs, reduced, 1), nn.ReLU(inplace=True), nn.Conv2d(reduced, outputs, 1), nn.Sigmoid()
