"""The generator of "Scribbler: Controlling Deep Image Synthesis with Sketch and Color" (Sangkloy et al. 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from henkan.errors import UserError
from henkan.networks.layers import Normalization, normalized, scaled
from henkan.networks.residual import ResidualBlock, initialize_residual

# Channels as multiples of `base`, and residual blocks, of each resolution on the way down and up again.
DOWN = ((1, 1), (2, 1), (4, 1), (8, 5))
UP = ((4, 2), (2, 2), (1, 1))


class Scribbler(nn.Module):
    """Turn a sketch, with strokes of color on it, into a picture: down to an eighth of its side and up, 14 blocks.

    Input: `image` (B, in_channels, H, W) in [0, 1], mapped to [-1, 1] inside: the sketch and, where there are strokes,
    their RGB. H and W are multiples of 8. Returns `raw` (B, 3, H, W) in [0, 1]. Nothing is handed across from the
    way down to the way up. The layers are those of the first author's TextureGAN, where the network has this name; it
    ends with a normalization, and the tanh behind it is ours, as there nothing bounds the colors. `base` is the
    number of channels at full size, `width` multiplies all of them: 7,849,513 parameters for 4 channels and a base of
    32, 31,366,217 for 64. Under instance normalization every picture would end with the same mean and contrast. Without
    normalization (`null`) the weights start as `initialize_residual` says. Raises `UserError` for other channels
    than it was built for.
    """

    multiple = 8
    # What enlarging with aligned corners reads depends a little on the size of the whole.
    context = None

    def __init__(
        self,
        in_channels: int = 4,
        base: int = 32,
        width: float = 1.0,
        normalization: Normalization | None = nn.BatchNorm2d,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.layers = nn.Sequential()
        inputs = in_channels
        for level, (times, blocks) in enumerate(DOWN):
            outputs = scaled(base * times, width)
            convolution = nn.Conv2d(inputs, outputs, 3, stride=2 if level else 1, padding=1)
            self.layers.extend((*normalized(convolution, normalization), nn.ReLU(inplace=True)))
            self.layers.extend(ResidualBlock(outputs, normalization) for _ in range(blocks))
            inputs = outputs
        for times, blocks in UP:
            outputs = scaled(base * times, width)
            first, *norm = normalized(nn.Conv2d(inputs, outputs, 3, padding=1), normalization)
            doubling = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
            self.layers.extend((first, doubling, *norm, nn.ReLU(inplace=True)))
            self.layers.extend(ResidualBlock(outputs, normalization) for _ in range(blocks))
            inputs = outputs
        if normalization is not None:
            self.layers.append(normalization(inputs))
        self.layers.append(ResidualBlock(inputs, normalization))
        self.layers.extend(normalized(nn.Conv2d(inputs, 3, 3, padding=1), normalization))
        if normalization is None:
            initialize_residual(self)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        if image.shape[1] != self.in_channels:
            raise UserError(
                f"the Scribbler was built for {self.in_channels} channels and is given {image.shape[1]}: "
                f"set generator.in_channels={image.shape[1]}"
            )
        x = self.layers(image * 2.0 - 1.0)
        # Before tanh, whose steps under bf16 autocast would be 1/256 near white.
        return {"raw": (torch.tanh(x.to(image.dtype)) + 1.0) / 2.0}
