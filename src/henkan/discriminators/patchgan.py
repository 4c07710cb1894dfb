"""The discriminator of pix2pix, "Image-to-Image Translation with Conditional Adversarial Networks" (2017)."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from henkan.discriminators.smallest_side import check_side
from henkan.errors import UserError
from henkan.networks.layers import Normalization, add_spectral_norm, chain, initialize_pix2pix, normalized, scaled


class _Patches(nn.Module):
    """One logit for each patch: `n_layers` 4 x 4 convolutions of stride 2, one of stride 1, a last one."""

    def __init__(
        self,
        in_channels: int,
        n_layers: int = 3,
        width: float = 1.0,
        normalization: Normalization | None = nn.BatchNorm2d,
        spectral_norm: bool = False,
        padding: int = 1,
    ) -> None:
        super().__init__()
        if n_layers < 1:
            raise UserError(f"discriminator.n_layers={n_layers}: a PatchGAN has at least one layer of stride 2")
        self.smallest = next(side for side in itertools.count(1) if _logits(side, n_layers, padding) >= 1)
        self.maps = nn.ModuleList()
        inputs = in_channels
        for level in range(n_layers + 1):
            outputs = scaled(64 * min(2**level, 8), width)
            stride = 2 if level < n_layers else 1
            # Not on the first layer, so that the picture's own contrast and color stay visible.
            norm = normalization if level > 0 else None
            convolution = nn.Conv2d(inputs, outputs, kernel_size=4, stride=stride, padding=padding, bias=norm is None)
            self.maps.append(nn.Sequential(*normalized(convolution, norm), nn.LeakyReLU(0.2, inplace=True)))
            inputs = outputs
        self.last = nn.Conv2d(inputs, 1, kernel_size=4, padding=padding)
        initialize_pix2pix(self)
        if spectral_norm:
            add_spectral_norm(self)

    def judge(self, pictures: Tensor) -> tuple[Tensor, list[Tensor]]:
        check_side(pictures, self.smallest, "this PatchGAN", "lower discriminator.n_layers")
        maps = chain(self.maps, pictures * 2.0 - 1.0)
        return self.last(maps[-1]).to(pictures.dtype), maps


def _logits(side: int, n_layers: int, padding: int) -> int:
    """Return how many logits a side of so many pixels gives; 0 or less where it is too short."""
    for _ in range(n_layers):
        side = (side + 2 * padding - 4) // 2 + 1
    return side + 2 * (2 * padding - 3)


class PatchGAN(_Patches):
    """Judge each patch of a picture beside what it was made from.

    `image` and `condition` (B, C, H, W) in [0, 1], mapped to [-1, 1] inside; `in_channels` counts both.
    Returns one logit a patch (B, 1, h, w), 30 x 30 of them for 256 x 256 pixels, and the maps before. A patch
    is 16, 34, 70, 142 or 286 pixels wide for `n_layers` 1 to 5. `width` multiplies every number of channels:
    2,768,705 parameters at 1, for 6 channels and 3 layers. Raises `UserError` for pictures too small for a
    single logit (3 * 2^n_layers pixels with `padding` 1).
    """

    def forward(self, image: Tensor, condition: Tensor) -> tuple[Tensor, list[Tensor]]:
        return self.judge(torch.cat((condition, image), dim=1))


class UnconditionalPatchGAN(_Patches):
    """Judge each patch of a picture by itself: `PatchGAN` without the condition.

    With `padding` 2 and 4 layers the discriminator of pix2pixHD at one scale, as LaMa takes it.
    """

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        return self.judge(image)
