"""Boundaries as people draw them, found by a network."""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from henkan.pretrained import weights
from henkan.pretrained.catalogue import VGG16
from henkan.pretrained.features import Features

MEAN = (122.67892, 116.66877, 104.00699)
SIDES = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")


class HED(nn.Module):
    """Holistically-nested edge detection (Xie and Tu, 2015): a VGG-16 with five side outputs, fused; frozen.

    Each side output is a 1 x 1 convolution of the last activation at its size, enlarged bilinearly to the picture's;
    their weighted sum, through a sigmoid, is how likely a pixel lies on a boundary. Pools keep the last odd row.
    `images` (B, 3, H, W) in [0, 1] -> (B, 1, H, W) in [0, 1]. Follows the images to their device. Trained on BSDS500:
    no scores there. Raises `MissingWeights` if hed_bsds500.safetensors is absent.
    """

    @torch.inference_mode(False)
    def __init__(self) -> None:
        super().__init__()
        trained = weights.load_known("hed")
        self.trunk = Features(_trunk(trained), SIDES, [value / 255 for value in MEAN], [1 / 255] * 3)
        self.sides = nn.ModuleList(_convolution(trained, f"side{number}") for number in range(1, 6))
        self.fuse = _convolution(trained, "fuse")
        self.requires_grad_(False).eval()

    def forward(self, images: Tensor) -> Tensor:
        if images.device != self.fuse.weight.device:
            with torch.inference_mode(False):
                self.to(images.device)
        found = self.trunk(images)
        sides = [
            F.interpolate(side(found[name]), images.shape[-2:], mode="bilinear")
            for side, name in zip(self.sides, SIDES, strict=True)
        ]
        return torch.sigmoid(self.fuse(torch.cat(sides, dim=1)))


def _trunk(trained: weights.Weights) -> list[tuple[str, nn.Module]]:
    """Return the steps of the VGG-16, as `Features` takes them."""
    steps: list[tuple[str, nn.Module]] = []
    for block, count in enumerate(VGG16, start=1):
        if block > 1:
            steps.append((f"pool{block - 1}", nn.MaxPool2d(2, ceil_mode=True)))
        for place in range(1, count + 1):
            name = f"conv{block}_{place}"
            steps += [(name, _convolution(trained, name)), (f"relu{block}_{place}", nn.ReLU())]
    return steps


def _convolution(trained: weights.Weights, name: str) -> nn.Conv2d:
    """Return a convolution with given weights, which keeps the picture's size."""
    outputs, inputs, side = trained[f"{name}.weight"].shape[:3]
    with torch.device("meta"):
        layer = nn.Conv2d(inputs, outputs, side, padding=side // 2)
    layer.load_state_dict({kind: trained[f"{name}.{kind}"] for kind in ("weight", "bias")}, assign=True)
    return layer


@functools.cache
def hed() -> HED:
    """Return the network, one for the process."""
    return HED()
