"""A frozen network that is small and was never trained, in place of one whose weights would have to be there."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from henkan.pretrained.features import Features


class TinyFeatures(Features):
    """`relu1` at full size, `relu2` at a half, `relu3` at a quarter of it; always the same weights."""

    def __init__(self, layers: Sequence[str]) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            steps: list[tuple[str, nn.Module]] = [
                ("relu1", nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU())),
                ("pool", nn.AvgPool2d(2)),
                ("relu2", nn.Sequential(nn.Conv2d(6, 8, 3, padding=1), nn.ReLU())),
                ("relu3", nn.Sequential(nn.Conv2d(8, 8, 3, stride=2, padding=1), nn.ReLU())),
            ]
        super().__init__(steps, layers, mean=[0.5] * 3, std=[0.25] * 3)
