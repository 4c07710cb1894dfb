"""Bicubic resampling in the sense of the super-resolution literature: MATLAB's imresize."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from henkan.errors import UserError

# Pixels on each side that Keys' kernel of a = -0.5 reaches, at the smaller of the two sizes.
REACH = 4


def reduced(images: Tensor, scale: int) -> Tensor:
    """Return pictures (B, C, H, W) `scale` times smaller: Keys' cubic kernel (a = -0.5), widened against aliasing, the
    picture mirrored at its edge, the edge pixel included.

    Values may leave [0, 1]. Raises `UserError` for sides that are no multiple of `scale`.
    """
    height, width = images.shape[-2:]
    if height % scale or width % scale:
        raise UserError(f"a picture of {width}x{height} pixels cannot be made {scale} times smaller: cut its sides")
    if scale == 1:
        return images
    size = (height // scale + 2 * REACH, width // scale + 2 * REACH)
    small = functional.interpolate(mirrored(images, REACH * scale), size, mode="bicubic", antialias=True)
    return small[..., REACH:-REACH, REACH:-REACH]


def enlarged(images: Tensor, scale: int) -> Tensor:
    """Return pictures (B, C, h, w) `scale` times larger by the same kernel; values may leave [0, 1]."""
    if scale == 1:
        return images
    # Without `antialias` torch's kernel is another one, of a = -0.75. A factor, not a size: so it can be exported.
    large = functional.interpolate(mirrored(images, REACH), scale_factor=scale, mode="bicubic", antialias=True)
    rim = REACH * scale
    return large[..., rim:-rim, rim:-rim]


def mirrored(images: Tensor, rim: int) -> Tensor:
    """Return pictures with `rim` more pixels on each side, mirrored between pixels, over and over where needed."""
    rows, columns = (places(length, rim, images.device) for length in images.shape[-2:])
    return images[..., rows, :][..., columns]


def places(length: int, rim: int, device: torch.device) -> Tensor:
    """Return which of `length` pixels stands at each place from -rim to length + rim."""
    turn = torch.arange(-rim, length + rim, device=device)
    if rim > length:
        turn = turn.remainder(2 * length)
    turn = torch.where(turn < 0, -1 - turn, turn)
    return torch.where(turn < length, turn, 2 * length - 1 - turn)
