"""Noise as a pure function of a seed and a place: batched, and the same bits on every device.

Integers are hashed, so there is no generator whose state, device or batch could matter.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def white(seeds: Tensor, height: int, width: int, channels: int = 1) -> Tensor:
    """Return uniform noise in [0, 1), (B, channels, height, width) float32, from `seeds` (B,) below 2^31."""
    device = seeds.device
    y = torch.arange(height, dtype=torch.int32, device=device).view(1, 1, -1, 1)
    x = torch.arange(width, dtype=torch.int32, device=device).view(1, 1, 1, -1)
    channel = torch.arange(channels, dtype=torch.int32, device=device).view(1, -1, 1, 1)
    # Products wrap around at 32 bits, which is meant.
    place = y * 73856093 + x * 19349663 + channel * 83492791
    word = _mixed(seeds.to(torch.int32).view(-1, 1, 1, 1) ^ place)
    return (word & 0xFFFFFF).to(torch.float32).mul_(2.0**-24)


def _mixed(word: Tensor) -> Tensor:
    """Return 32-bit words whose bits depend on all bits of `word` (MurmurHash3's finalizer)."""
    word = word ^ ((word >> 16) & 0xFFFF)
    word = word * -2048144789
    word = word ^ ((word >> 13) & 0x7FFFF)
    word = word * -1028477387
    return word ^ ((word >> 16) & 0xFFFF)


def normal(seeds: Tensor, height: int, width: int, channels: int = 1) -> Tensor:
    """Return standard normal noise (B, channels, height, width)."""
    share = white(seeds, height, width, channels).mul_(2.0).sub_(1.0 - 2.0**-24)
    return torch.erfinv(share).mul_(2.0**0.5)


def clouds(
    seeds: Tensor, wavelength: Tensor, height: int, width: int, channels: int = 1, shortest: float = 0.05
) -> Tensor:
    """Return smooth noise, about 1 in size: (B, channels, height, width).

    `wavelength` (B,) is a share of the longer side, at least `shortest`: the distance between independent values. These
    lie elsewhere for each seed, so that no place of a picture is special.
    """
    knots = int(1.0 / shortest) + 4
    coarse = normal(seeds, knots, knots, channels)
    # Of a channel that the values themselves do not use.
    begin = white(seeds, 1, 2, channels + 1)[:, -1, 0]
    # A quarter of the resolution is plenty for what is smooth, and then fine steps in between.
    rows, columns = max(4, height // 4), max(4, width // 4)
    longest = max(height, width)
    scale = wavelength.to(torch.float32).clamp(min=shortest).view(-1, 1)
    y, x = (
        _eased(
            torch.linspace(0.0, side / longest, count, device=seeds.device).view(1, -1) / scale + begin[:, axis, None]
        )
        for axis, (side, count) in enumerate(((height, rows), (width, columns)))
    )
    grid = torch.stack((x[:, None, :].expand(-1, rows, -1), y[:, :, None].expand(-1, -1, columns)), dim=-1)
    field = F.grid_sample(coarse, grid * (2.0 / (knots - 1)) - 1.0, align_corners=True)
    return F.interpolate(field, (height, width), mode="bilinear", align_corners=True)


def _eased(place: Tensor) -> Tensor:
    """Return places whose linear interpolation between whole numbers is a smooth step."""
    whole = place.floor()
    share = place - whole
    return whole + share * share * (3.0 - 2.0 * share)
