"""The generator of "Enhanced Deep Residual Networks for Single Image Super-Resolution" (Lim et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from henkan.networks.layers import scaled
from henkan.networks.published import Theirs
from henkan.networks.unnormalized import CONVOLUTIONS, PlainBlock
from henkan.networks.upsampling import enlarging


class EDSR(nn.Module):
    """Enlarge a picture: residual blocks without normalization at its own size, then pixel shuffles.

    Input: `image` (B, 3, h, w) in [0, 1]; `mean`, the data's mean color, is subtracted from it and added to what comes
    out: `raw` (B, 3, h·scale, w·scale), not clipped. `scale` is 2, 3, 4 or 8. Each of `blocks` adds `share` of what it
    finds; `width` multiplies `channels`. Parameters at 1: for 64 channels and 16 blocks 1,517,571 at scale 4 and
    1,369,859 at 2; for 256 and 32, which need a share of 0.1, 43,089,923 and 40,729,603. Everything before `up` can be
    taken over from a network of scale 2. Weights start as PyTorch's do, as in the release.
    """

    multiple = 1
    mean: Tensor

    def __init__(
        self,
        scale: int,
        mean: Sequence[float],
        channels: int = 64,
        blocks: int = 16,
        share: float = 1.0,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        wide = scaled(channels, width)
        self.scale = scale
        # In pixels of the small picture: the kernels' halves, those behind a pixel shuffle divided by the enlargement.
        self.context = 2 * blocks + 4
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(1, 3, 1, 1))
        self.first = nn.Conv2d(3, wide, 3, padding=1)
        self.blocks = nn.Sequential(*(PlainBlock(wide, share) for _ in range(blocks)))
        self.joined = nn.Conv2d(wide, wide, 3, padding=1)
        self.up = enlarging(wide, scale)
        self.last = nn.Conv2d(wide, 3, 3, padding=1)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        first = self.first(image - self.mean)
        x = self.last(self.up(first + self.joined(self.blocks(first))))
        return {"raw": x.to(image.dtype) + self.mean}

    def published(self) -> dict[str, Theirs]:
        """Return where each layer's weights are in files of BasicSR's code (XPixelGroup, `EDSR`).

        Pictures have values up to 255 there, less the same mean color; here, up to 1. All layers are linear but for
        ReLUs, and so the same weights answer the same, with a 255th of the biases. The mean color is in no file.
        """
        found = {"first": "conv_first", "joined": "conv_after_body", "last": "conv_last"}
        for number in range(len(self.blocks)):
            found |= {f"blocks.{number}.layers.{place}": f"body.{number}.{name}" for place, name in CONVOLUTIONS}
        found |= {f"up.{place}": f"upsample.{place}" for place in range(len(self.up))}
        return {own: Theirs((theirs,), bias=1.0 / 255.0) for own, theirs in found.items()}
