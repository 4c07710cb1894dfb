"""A generator: a few layers that say what to add to a picture."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MineGenerator(nn.Module):
    """Four convolutions on the picture and its mask, whose answer is added to the picture.

    The arguments of `forward` are named after what the task offers (`condition` of its class): `image` (B, C, H, W) in
    [0, 1] everywhere, `mask` (B, 1, H, W), 1 = missing, in completion; what may be absent has `= None`. Returns the
    picture (B, C, H, W), or a mapping with it as `raw` and more beside it, which becomes `aux.*` of the sample.
    H and W are padded to whole multiples of `multiple`; `context` is how many pixels around one it sees, so that large
    pictures can be worked on in tiles (leave it out if it sees all). `width` multiplies the numbers of channels.
    """

    multiple = 1
    context = 4

    def __init__(self, channels: int = 3, width: float = 1.0) -> None:
        super().__init__()
        hidden = max(1, round(64 * width))
        self.layers = nn.Sequential(
            nn.Conv2d(channels + 1, hidden, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(hidden, hidden, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(hidden, hidden, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(hidden, channels, 3, padding=1),
        )

    def forward(self, image: Tensor, mask: Tensor | None = None) -> Tensor:
        missing = torch.zeros_like(image[:, :1]) if mask is None else mask
        added: Tensor = self.layers(torch.cat((image, missing), dim=1))
        return image + added
