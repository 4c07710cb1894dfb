"""A U-Net that says what haze did to a picture, so that the picture itself need not be drawn anew."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from henkan.errors import UserError
from henkan.generators.unet import UNet
from henkan.networks.layers import Normalization


class HazeUNet(nn.Module):
    """Find transmission and airlight by one `henkan.generators.unet.UNet`: four channels, of which three are averaged.

    Input: `image` (B, 3, H, W) in [0, 1], H and W multiples of 2^depth. Returns `raw` (B, 1, H, W) in [0, 1], which is
    the `transmission`, and `airlight` (B, 3, 1, 1) in [0, 1], the mean over the picture of what is said of it at each
    pixel. What the picture becomes without haze is the formula's business (`henkan.tasks.dehazing.Dehazing`): no detail
    passes through the network, and none is lost in it. Zhang and Patel (2018) have a network for each of the two.
    """

    def __init__(
        self,
        side: int = 256,
        depth: int | None = None,
        width: float = 1.0,
        dropout: float = 0.0,
        normalization: Normalization | None = nn.BatchNorm2d,
    ) -> None:
        super().__init__()
        self.network = UNet(3, 4, side, depth, width, dropout, normalization)
        self.multiple, self.context = self.network.multiple, self.network.context

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        if image.shape[1] != 3:
            raise UserError(f"haze is looked for in color pictures, of 3 channels: {image.shape[1]} are given")
        transmission, air = self.network(image)["raw"].split((1, 3), dim=1)
        airlight: Tensor = torch.mean(air, dim=(2, 3), keepdim=True)
        return {"raw": transmission, "transmission": transmission, "airlight": airlight}
