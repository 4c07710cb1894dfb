"""The discriminators of "Globally and Locally Consistent Image Completion" (Iizuka et al. 2017)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from henkan.discriminators.fixed_side import FixedSide, halvings
from henkan.networks.layers import Normalization, add_spectral_norm, initialize_he, normalized, scaled

# Pixels a side, about: 6 halvings leave them of the paper's 256, 5 of its 128 and of the faces' 160 and 96.
REMAINING = 4


class _Branch(FixedSide):
    """Describe a square picture by one vector: 5 x 5 convolutions of stride 2, then a fully connected layer.

    Takes (B, channels, side, side) in [0, 1], mapped to [-1, 1]; returns the vector (B, codes) and every
    convolution's map.
    """

    def __init__(
        self, side: int, depth: int | None, channels: int, width: float, normalization: Normalization | None
    ) -> None:
        super().__init__(side)
        depth = halvings(side, depth, REMAINING)
        inputs = channels
        for level in range(depth):
            outputs = scaled(64 * min(2**level, 8), width)
            convolution = nn.Conv2d(inputs, outputs, kernel_size=5, stride=2, padding=2)
            self.maps.append(nn.Sequential(*normalized(convolution, normalization), nn.ReLU(inplace=True)))
            inputs = outputs
        remaining = math.ceil(side / 2**depth)
        self.codes = scaled(1024, width)
        self.code = nn.Sequential(nn.Linear(inputs * remaining**2, self.codes), nn.ReLU(inplace=True))

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        maps = self.seen(image * 2.0 - 1.0)
        return self.code(maps[-1].flatten(1)), maps


class GlobalLocalDiscriminator(nn.Module):
    """Judge a completed picture as a whole and around its hole, together.

    `image` (B, 3, side, side) and `window` (B, 3, window, window), both in [0, 1], each become a vector of
    1024, and one linear layer reads the two. Returns the logits (B, 1) and the maps of both branches, the
    global ones first. `side` and `window` are fixed, because fully connected layers depend on them; `depth`
    and `window_depth` (how often each is halved) default to what leaves about 4 x 4. `width` multiplies every
    number of channels. Parameters at 1: 45,063,681 for 256 and 128, 39,557,121 for the faces' 160 and 96.
    Without normalization (`null`) the weights start from He's initialization. Raises `UserError` for pictures
    of another size.
    """

    def __init__(
        self,
        side: int = 256,
        window: int = 128,
        depth: int | None = None,
        window_depth: int | None = None,
        channels: int = 3,
        width: float = 1.0,
        normalization: Normalization | None = nn.BatchNorm2d,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        self.whole = _Branch(side, depth, channels, width, normalization)
        self.local = _Branch(window, window_depth, channels, width, normalization)
        self.joint = nn.Linear(self.whole.codes + self.local.codes, 1)
        _prepare(self, normalization, spectral_norm)

    def forward(self, image: Tensor, window: Tensor) -> tuple[Tensor, list[Tensor]]:
        whole, whole_maps = self.whole(image)
        local, local_maps = self.local(window)
        return self.joint(torch.cat((whole, local), dim=1)).to(image.dtype), whole_maps + local_maps


class GlobalDiscriminator(nn.Module):
    """Judge the whole picture only: the global branch of `GlobalLocalDiscriminator`, one linear layer."""

    def __init__(
        self,
        side: int = 256,
        depth: int | None = None,
        channels: int = 3,
        width: float = 1.0,
        normalization: Normalization | None = nn.BatchNorm2d,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        self.whole = _Branch(side, depth, channels, width, normalization)
        self.joint = nn.Linear(self.whole.codes, 1)
        _prepare(self, normalization, spectral_norm)

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        code, maps = self.whole(image)
        return self.joint(code).to(image.dtype), maps


class LocalDiscriminator(nn.Module):
    """Judge the window at the hole only: the local branch of `GlobalLocalDiscriminator`, one linear layer."""

    def __init__(
        self,
        window: int = 128,
        window_depth: int | None = None,
        channels: int = 3,
        width: float = 1.0,
        normalization: Normalization | None = nn.BatchNorm2d,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        self.local = _Branch(window, window_depth, channels, width, normalization)
        self.joint = nn.Linear(self.local.codes, 1)
        _prepare(self, normalization, spectral_norm)

    def forward(self, window: Tensor) -> tuple[Tensor, list[Tensor]]:
        code, maps = self.local(window)
        return self.joint(code).to(window.dtype), maps


def _prepare(network: nn.Module, normalization: Normalization | None, spectral_norm: bool) -> None:
    if normalization is None:
        initialize_he(network)
    if spectral_norm:
        add_spectral_norm(network)
