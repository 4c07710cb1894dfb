"""What methods share that estimate transmission and airlight: filters, and where the airlight is looked up."""

from __future__ import annotations

import torch
from kornia.filters import guided_blur
from torch import Tensor
from torch.nn import functional

from henkan.color import luma


def refined(transmission: Tensor, image: Tensor, radius: int, epsilon: float) -> Tensor:
    """Return `transmission` (B, 1, H, W) with the edges of `image` (B, 3, H, W): a guided filter (He, Sun, Tang 2013).

    Its guide is the grey picture, its windows `radius` pixels on each side of a pixel, `epsilon` regularizes (of
    pictures in [0, 1]). Beyond the picture its edge is repeated, where the original takes smaller windows.
    """
    guide = luma(image)
    side = 2 * radius + 1
    found: Tensor = guided_blur(guide, transmission.to(guide.dtype), side, epsilon, "replicate", separable=True)
    return found


def darkest(image: Tensor, side: int) -> Tensor:
    """Return the dark channel (B, 1, H, W) of (B, C, H, W): the least of any channel in `side` x `side` pixels around
    (He, Sun, Tang 2009); `side` is odd, and what lies outside the picture does not count."""
    lowest = image.amin(1, keepdim=True)
    return -functional.max_pool2d(-lowest, side, stride=1, padding=side // 2)


def lookup(image: Tensor, score: Tensor, share: float, brightest: bool) -> Tensor:
    """Return the color (B, 3, 1, 1) of `image` (B, 3, H, W) at the `share` of its pixels whose `score` (B, 1, H, W) is
    highest: that of the brightest of them as a grey picture, or their mean.

    One pixel counts at least, and as many more as score the same: of those there is no order.
    """
    scores = score.flatten(1)
    least = scores.topk(max(1, round(share * scores.shape[1])), dim=1).values[:, -1:]
    counted, pixels = scores >= least, image.flatten(2)
    if brightest:
        place = torch.where(counted, luma(image).flatten(1), -torch.inf).argmax(1)
        return pixels.gather(2, place.view(-1, 1, 1).expand(-1, pixels.shape[1], 1))[..., None]
    shares = counted / counted.sum(1, keepdim=True)
    return (pixels * shares[:, None]).sum(2)[..., None, None]
