"""The discriminators of pix2pixHD (Wang et al. 2018): one PatchGAN for each size of the same picture."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from henkan.discriminators.patchgan import UnconditionalPatchGAN
from henkan.discriminators.smallest_side import check_side
from henkan.errors import UserError
from henkan.networks.layers import Normalization

# Fewer pixels have no deviation that a normalization could divide by.
FEWEST = 2


class _Pyramid(nn.Module):
    """PatchGANs of one kind and separate weights, each shown the picture at half the size of the one before."""

    def __init__(
        self,
        in_channels: int,
        scales: int = 3,
        n_layers: int = 3,
        width: float = 1.0,
        normalization: Normalization | None = nn.InstanceNorm2d,
        spectral_norm: bool = False,
        padding: int = 2,
    ) -> None:
        super().__init__()
        if scales < 1:
            raise UserError(f"discriminator.scales={scales}: a picture is judged at one size at least")
        judges = [
            UnconditionalPatchGAN(in_channels, n_layers, width, normalization, spectral_norm, padding)
            for _ in range(scales)
        ]
        # Each halving leaves half of the pixels, rounded up.
        self.smallest = (max(judges[0].smallest, FEWEST) - 1) * 2 ** (scales - 1) + 1
        self.judges = nn.ModuleList(judges)

    def judge(self, pictures: Tensor) -> tuple[Tensor, list[Tensor]]:
        judge = f"a PatchGAN at {len(self.judges)} scales"
        check_side(pictures, self.smallest, judge, "lower discriminator.scales or n_layers")
        logits: list[Tensor] = []
        maps: list[Tensor] = []
        for number, patches in enumerate(self.judges):
            if number:
                # Pixels beyond the border do not count in the mean.
                pictures = avg_pool2d(pictures, 3, stride=2, padding=1, count_include_pad=False)
            own, found = patches(pictures)
            # The first map is the finest, and every coarser logit has a place in it.
            logits.append(interpolate(own, logits[0].shape[-2:], mode="nearest") if number else own)
            maps += found
        return torch.cat(logits, dim=1), maps


class MultiScalePatchGAN(_Pyramid):
    """Judge the patches of a picture at several sizes, beside what it was made from.

    `image` and `condition` (B, C, H, W) in [0, 1]; `in_channels` counts both. Each scale but the first sees them
    averaged down once more: 3 x 3 pixels, stride 2. The patches are those of `PatchGAN`, with the padding of 2 and
    the instance normalization of pix2pixHD; with 3 layers they are 70, 141 and 283 pixels wide.

    Returns the logits (B, scales, h, w) and the maps of all scales, the finest first. The paper gives the scales one
    weight each, that of the mean over its patches; but of 256 pixels the first scale has ten times as many patches as
    the third, so that a mean over all would hardly ask the coarse ones. Every coarser map is therefore enlarged to
    the finest, by repetition: each place holds what each scale says of it, and in means, sums and labels by a mask
    the scales count the same, without the objectives' help. (The paper sums the scales' means: `scales` times this.)

    `width` multiplies every number of channels. Parameters at 1, for 3 scales of 3 layers: 8,300,739 for 6 channels,
    8,291,523 for 3; the released ones have 2,688 biases more, which the normalization behind them takes away again.
    Raises `UserError` for pictures too small for a logit at every scale (5 pixels a side as published).
    """

    def forward(self, image: Tensor, condition: Tensor) -> tuple[Tensor, list[Tensor]]:
        return self.judge(torch.cat((condition, image), dim=1))


class UnconditionalMultiScalePatchGAN(_Pyramid):
    """Judge the patches of a picture at several sizes by itself: `MultiScalePatchGAN` without the condition."""

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        return self.judge(image)
