"""What super-resolution networks without normalization share: their residual block, and how they start."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from henkan.networks.layers import Convolution, initialize_he

# Where a `PlainBlock` has its convolutions, and what BasicSR calls them.
CONVOLUTIONS = ((0, "conv1"), (2, "conv2"))


class PlainBlock(nn.Module):
    """Two 3 x 3 convolutions, ReLU between them, times `share`, beside the identity; nothing after the sum (EDSR).

    Keeps the shape (B, channels, H, W). A share of 0.1 lets wide networks train.
    """

    def __init__(self, channels: int, share: float = 1.0) -> None:
        super().__init__()
        first, second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.layers = nn.Sequential(first, nn.ReLU(inplace=True), second)
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(x, self.layers(x), alpha=self.share)


@torch.no_grad()
def initialize_small(network: nn.Module) -> None:
    """Draw weights as `initialize_he` does and divide them by ten: residual blocks start near the identity (2018)."""
    initialize_he(network)
    for layer in network.modules():
        if isinstance(layer, Convolution):
            layer.weight.mul_(0.1)
