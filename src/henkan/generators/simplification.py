"""The network of "Learning to Simplify: Fully Convolutional Networks for Rough Sketch Cleanup" (Simo-Serra 2016)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from henkan.networks.layers import Convolution, Normalization, initialize_he, normalized, scaled


class SimplificationNetwork(nn.Module):
    """Turn a rough sketch into clean lines: 23 layers, down to an eighth of its side and up again.

    Input: `image` (B, C, H, W) in [0, 1], 1 = paper, H and W multiples of 8, of which the layers are given
    (image - mean) / deviation, the statistics of the training pictures; returns `raw` (B, C, H, W) in [0, 1]. `width`
    multiplies every number of channels but the outermost: 44,845,185 parameters at 1 for one channel. Without
    normalization (`null`) the weights start from He's initialization.
    """

    multiple = 8
    # Past the right and lower side the paper's code repeats the last pixels.
    padding = "replicate"
    # What an output pixel sees on each side at most.
    context = 104
    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        mean: Sequence[float],
        deviation: float,
        channels: int = 1,
        width: float = 1.0,
        normalization: Normalization | None = nn.BatchNorm2d,
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(1, -1, 1, 1))
        # A data set of one tone has none.
        self.register_buffer("deviation", torch.tensor(deviation or 1.0, dtype=torch.float32))
        hidden: list[Convolution] = []
        inputs = channels
        for outputs, kernel, stride in LAYERS:
            hidden.append(_layer(inputs, scaled(outputs, width), kernel, stride))
            inputs = scaled(outputs, width)
        self.layers = nn.Sequential()
        for layer in hidden:
            self.layers.extend((*normalized(layer, normalization), nn.ReLU(inplace=True)))
        self.layers.append(nn.Conv2d(inputs, channels, 3, padding=1))
        if normalization is None:
            initialize_he(self)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        logits = self.layers((image - self.mean) / self.deviation)
        # Under bf16 autocast the sigmoid would leave one step of 1/256 near white.
        return {"raw": torch.sigmoid(logits.to(image.dtype))}


# Channels, kernel and stride of all layers but the last; stride 0.5 doubles the sides.
LAYERS: tuple[tuple[int, int, float], ...] = (
    *((48, 5, 2), (128, 3, 1), (128, 3, 1)),
    *((256, 3, 2), (256, 3, 1), (256, 3, 1)),
    *((256, 3, 2), (512, 3, 1), (1024, 3, 1), (1024, 3, 1), (1024, 3, 1), (1024, 3, 1), (512, 3, 1), (256, 3, 1)),
    *((256, 4, 0.5), (256, 3, 1), (128, 3, 1)),
    *((128, 4, 0.5), (128, 3, 1), (48, 3, 1)),
    *((48, 4, 0.5), (24, 3, 1)),
)


def _layer(inputs: int, outputs: int, kernel: int, stride: float) -> Convolution:
    if stride < 1:
        return nn.ConvTranspose2d(inputs, outputs, kernel, stride=round(1 / stride), padding=1)
    return nn.Conv2d(inputs, outputs, kernel, int(stride), padding=kernel // 2)
