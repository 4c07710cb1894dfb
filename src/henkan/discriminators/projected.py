"""A discriminator that sees a picture through the eyes of a frozen network (Sauer et al. 2021, "Projected GANs")."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from henkan.discriminators.smallest_side import check_side
from henkan.errors import UserError
from henkan.networks.layers import add_spectral_norm
from henkan.pretrained.shared import Factory, View

# Of the picture that a network is asked for its channels with.
SIDE = 64


class ProjectedDiscriminator(nn.Module):
    """Judge places of a picture by what a frozen network finds there, one small head for each of its layers.

    `image` (B, 3, H, W) in [0, 1] goes through `features`, a factory of `henkan.pretrained.features`; what it answers
    in each of `layers` goes through three convolutions, 1 x 1, 3 x 3 and 1 x 1, with `channels` maps between them,
    which alone are trained. Returns the logits (B, layers, h, w), those of coarser layers enlarged by repetition to the
    finest, so that all layers count the same; and the maps before. Since it needs not learn to see, it tells real
    patches from made ones within tens of updates. The paper mixes the layers by fixed random convolutions first;
    here each layer stands for itself.

    `spectral_norm` is of all the trained convolutions. Raises `UserError` for pictures smaller than a place of the
    deepest layer, and for a channel count other than 3.
    """

    def __init__(
        self,
        features: Factory,
        layers: Sequence[str],
        channels: int = 64,
        in_channels: int = 3,
        spectral_norm: bool = True,
    ) -> None:
        super().__init__()
        if in_channels != 3:
            raise UserError(f"discriminator=projected sees three channels, RGB, not {in_channels}: take another one")
        # No submodule: its weights are known, and no part of a checkpoint.
        self.look = View(features, layers)
        with torch.no_grad():
            found = self.look(torch.zeros(1, 3, SIDE, SIDE))
        if flat := [layer for layer in layers if found[layer].ndim != 4]:
            raise UserError(f"discriminator.layers: {flat[0]} is a vector, not a map: name one before it")
        self.smallest = self.look.stride()
        # Two maps of each layer, one after the other.
        self.maps, self.last = nn.ModuleList(), nn.ModuleList()
        for layer in layers:
            self.maps.append(nn.Sequential(nn.Conv2d(found[layer].shape[1], channels, 1), nn.LeakyReLU(0.2)))
            self.maps.append(nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.LeakyReLU(0.2)))
            self.last.append(nn.Conv2d(channels, 1, 1))
        if spectral_norm:
            add_spectral_norm(self)

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        check_side(image, self.smallest, "this projected discriminator", "name fewer discriminator.layers")
        logits: list[Tensor] = []
        maps: list[Tensor] = []
        for number, found in enumerate(self.look(image).values()):
            x = found
            for step in self.maps[2 * number : 2 * number + 2]:
                x = step(x)
                maps.append(x)
            own = self.last[number](x)
            logits.append(F.interpolate(own, logits[0].shape[-2:], mode="nearest") if logits else own)
        return torch.cat(logits, dim=1).to(image.dtype), maps
