"""The network of "AOD-Net: All-in-One Dehazing Network" (Li, Peng, Wang, Xu, Feng 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class AODNet(nn.Module):
    """Clear a picture by J = ReLU(K I - K + b), b = 1: K stands for transmission and airlight at once.

    Input: `image` I (B, 3, H, W) in [0, 1], any H and W; returns `raw` J (B, 3, H, W), 0 or more. K is found by five
    convolutions of 3 channels, 1,761 parameters, whose names are those of the published weights. Where K is 1, J is I.
    Weights start from a normal distribution of deviation 0.02 (MEMORY), and K from 1, the hazy picture: from 0 it would
    be a white one, which training may never leave.
    """

    multiple = 1
    # What an output pixel sees on each side.
    context = 7

    def __init__(self) -> None:
        super().__init__()
        self.e_conv1 = nn.Conv2d(3, 3, 1)
        self.e_conv2 = nn.Conv2d(3, 3, 3, padding=1)
        self.e_conv3 = nn.Conv2d(6, 3, 5, padding=2)
        self.e_conv4 = nn.Conv2d(6, 3, 7, padding=3)
        self.e_conv5 = nn.Conv2d(12, 3, 3, padding=1)
        for layer in self.children():
            assert isinstance(layer, nn.Conv2d) and layer.bias is not None
            nn.init.normal_(layer.weight, 0.0, 0.02)
            nn.init.constant_(layer.bias, 1.0 if layer is self.e_conv5 else 0.0)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        first = self.e_conv1(image).relu()
        second = self.e_conv2(first).relu()
        third = self.e_conv3(torch.cat((first, second), dim=1)).relu()
        fourth = self.e_conv4(torch.cat((second, third), dim=1)).relu()
        k = self.e_conv5(torch.cat((first, second, third, fourth), dim=1)).relu().to(image.dtype)
        return {"raw": (k * image - k + 1.0).relu()}
