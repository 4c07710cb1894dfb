"""The network of "Perceptual Losses for Real-Time Style Transfer and Super-Resolution" (Johnson, Alahi, Li 2016)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from henkan.errors import UserError
from henkan.networks.layers import Normalization, normalized, scaled
from henkan.networks.residual import UnpaddedBlock

# Of red, green and blue, of 255: the network works on differences from it, as the loss network does.
MEAN = (123.68, 116.779, 103.939)
# The largest difference that it can answer, of 255.
REACH = 150.0
# What is mirrored around a picture: as many pixels as the unpadded blocks take away, at a quarter of its side.
BORDER = 40
BLOCKS = 5
Upsampling = Literal["deconvolution", "nearest"]


class Johnson(nn.Module):
    """Paint a picture in one style: down to a quarter of its side, five residual blocks, and up again.

    The picture is mirrored over its edge, and the blocks' convolutions have no padding: H + 80 pixels become
    (H + 80) / 4, each block takes 4 of them, and 4 ((H + 80) / 4 - 20) = H.

    Input: `image` (B, 3, H, W) in [0, 1], H and W multiples of 4. Returns `raw` (B, 3, H, W): the mean color and up to
    150 / 255 more or less, beyond [0, 1] where that ends. 1,679,235 parameters with affine normalization after every
    convolution but the last, at a `base` of 32 channels and `width` 1. The release has models with `InstanceNorm2d`, of
    half the base; what these answer depends on the whole picture, and they have no `context`. `upsampling` nearest
    repeats pixels before a convolution of the same size in place of each deconvolution, whose kernel of 3 covers pixels
    unevenly at a stride of 2: a checkerboard, until it is learned away (Odena et al. 2016). Raises `UserError` for
    another word.
    """

    multiple = 4
    mean: Tensor

    def __init__(
        self,
        base: int = 32,
        width: float = 1.0,
        normalization: Normalization | None = nn.BatchNorm2d,
        upsampling: Upsampling = "deconvolution",
    ) -> None:
        super().__init__()
        if upsampling not in ("deconvolution", "nearest"):
            raise UserError(f"generator.upsampling={upsampling} is neither deconvolution nor nearest")
        one, two, four = (scaled(base * times, width) for times in (1, 2, 4))
        down = [
            nn.Conv2d(3, one, 9, padding=4),
            nn.Conv2d(one, two, 3, stride=2, padding=1),
            nn.Conv2d(two, four, 3, stride=2, padding=1),
        ]
        up = [enlarging(four, two, upsampling, normalization), enlarging(two, one, upsampling, normalization)]
        self.layers = nn.Sequential()
        for layer in down:
            self.layers.extend((*normalized(layer, normalization), nn.ReLU(inplace=True)))
        self.layers.extend(UnpaddedBlock(four, normalization) for _ in range(BLOCKS))
        for layers in up:
            self.layers.extend((*layers, nn.ReLU(inplace=True)))
        self.layers.append(nn.Conv2d(one, 3, 9, padding=4))
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1) / 255.0, persistent=False)
        whole = any(isinstance(module, nn.InstanceNorm2d | nn.GroupNorm) for module in self.modules())
        # 4 + 1 + 2 pixels on the way down, 10 of a quarter of the side, 2 + 1 + 4 on the way up; in whole multiples.
        self.context = None if whole else 56

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        difference = 255.0 * (image - self.mean)
        # Reflection needs a picture larger than the border; the smallest ones repeat their edge.
        mode = "reflect" if min(image.shape[-2:]) > BORDER else "replicate"
        painted = self.layers(functional.pad(difference, (BORDER,) * 4, mode=mode))
        return {"raw": torch.tanh(painted.to(image.dtype)) * (REACH / 255.0) + self.mean}


def enlarging(inputs: int, outputs: int, how: Upsampling, normalization: Normalization | None) -> list[nn.Module]:
    """Return normalized layers that double both sides, by as many weights either way."""
    if how == "deconvolution":
        deconvolution = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)
        return normalized(deconvolution, normalization)
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="reflect")
    return [nn.Upsample(scale_factor=2), *normalized(convolution, normalization)]
