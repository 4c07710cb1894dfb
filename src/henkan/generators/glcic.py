"""The generator of "Globally and Locally Consistent Image Completion" (Iizuka et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from henkan.networks.layers import Convolution, Normalization, initialize_he, normalized, scaled


class CompletionNetwork(nn.Module):
    """Fill the holes of a picture: 17 layers, down to a quarter of its side and up again, dilated in between.

    Input: `image` (B, 3, H, W) in [0, 1] and `mask` (B, 1, H, W), 1 = missing, H and W multiples of 4;
    returns `raw` (B, 3, H, W) in [0, 1]. An output pixel sees 303 x 303 input pixels at most, or 299,
    depending on where it stands (the paper says 307, which counts three inputs for each transposed
    convolution). The layers are given the mask and the known pixels less `mean`, the data set's mean color,
    with 0 in the hole: what `image` holds there does not matter. `width` multiplies every number of channels:
    6,072,131 parameters at 1. Without normalization (`null`) the weights start from He's initialization.
    """

    multiple = 4
    # On each side at most, 153 upwards and to the left where those start at a multiple of `multiple`, as tiles do.
    context = 152
    mean: Tensor

    def __init__(
        self,
        mean: Sequence[float],
        width: float = 1.0,
        normalization: Normalization | None = nn.BatchNorm2d,
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(1, 3, 1, 1))
        c32, c64, c128, c256 = (scaled(channels, width) for channels in (32, 64, 128, 256))
        hidden: tuple[Convolution, ...] = (
            _convolution(4, c64, kernel=5),
            _convolution(c64, c128, stride=2),
            _convolution(c128, c128),
            _convolution(c128, c256, stride=2),
            *(_convolution(c256, c256, dilation=dilation) for dilation in (1, 1, 2, 4, 8, 16, 1, 1)),
            _doubling(c256, c128),
            _convolution(c128, c128),
            _doubling(c128, c64),
            _convolution(c64, c32),
        )
        self.layers = nn.Sequential()
        for layer in hidden:
            self.layers.extend((*normalized(layer, normalization), nn.ReLU(inplace=True)))
        self.layers.append(_convolution(c32, 3))
        if normalization is None:
            initialize_he(self)

    def forward(self, image: Tensor, mask: Tensor) -> dict[str, Tensor]:
        known = (image - self.mean).masked_fill(mask > 0, 0.0)
        logits = self.layers(torch.cat((known, mask), dim=1))
        # Under bf16 autocast the sigmoid would leave one step of 1/256 between bright colors.
        return {"raw": torch.sigmoid(logits.to(image.dtype))}


def _convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=dilation * (kernel // 2), dilation=dilation)


def _doubling(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, kernel_size=4, stride=2, padding=1)
