"""The discriminator of "Mastering Sketching: Adversarial Augmentation for Structured Prediction" (Simo-Serra 2018)."""

from __future__ import annotations

import math

from torch import Tensor, nn

from henkan.discriminators.fixed_side import FixedSide, halvings
from henkan.networks.layers import add_spectral_norm, initialize_he, scaled

CHANNELS = (16, 32, 64, 128, 256, 512)
# What the paper's six layers leave of its 384 pixels.
REMAINING = 6
# The layers behind which activations are dropped, counted from the last.
DROPPED = 2


class DrawingDiscriminator(FixedSide):
    """Judge a drawing by itself: convolutions of stride 2, dropout behind the last two, a linear layer, no batch norm.

    `image` (B, C, side, side) in [0, 1]; returns the logits (B, 1) and the maps. `depth` is how often the side is
    halved; null: six times for the paper's 384 pixels, and fewer for less, so that about 6 x 6 are left. `width`
    multiplies every number of channels: 1,591,169 parameters at 1 for one channel and 384 pixels. The weights start
    from He's initialization. Raises `UserError` for drawings of another size, and for more than six halvings.
    """

    def __init__(
        self,
        side: int = 384,
        channels: int = 1,
        depth: int | None = None,
        width: float = 1.0,
        dropout: float = 0.5,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__(side)
        depth = halvings(side, depth, REMAINING, least=2, most=len(CHANNELS))
        inputs = channels
        # With fewer layers the narrowest are left out: the last ones decide.
        for level, wide in enumerate(CHANNELS[-depth:]):
            outputs = scaled(wide, width)
            kernel = 5 if level == 0 else 3
            layers = [nn.Conv2d(inputs, outputs, kernel, stride=2, padding=kernel // 2), nn.ReLU(inplace=True)]
            self.maps.append(nn.Sequential(*layers, *([nn.Dropout(dropout)] if level >= depth - DROPPED else [])))
            inputs = outputs
        self.last = nn.Linear(inputs * math.ceil(side / 2**depth) ** 2, 1)
        initialize_he(self)
        if spectral_norm:
            add_spectral_norm(self)

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        maps = self.seen(image)
        return self.last(maps[-1].flatten(1)).to(image.dtype), maps
