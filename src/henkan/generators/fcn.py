"""Fully convolutional networks (Long, Shelhamer and Darrell 2015), without the fully connected layers."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from henkan.errors import UserError
from henkan.networks.layers import Normalization, initialize_he
from henkan.networks.vgg16 import BLOCKS, Encoder, check_classes
from henkan.pretrained.encoder import Published, published

STRIDES = tuple(2**place for place in range(1, len(BLOCKS) + 1))


class FCN(nn.Module):
    """Score the classes after some of VGG-16's pools, and add up the scores, the coarse ones enlarged.

    `image` (B, 3 or 1, H, W) in [0, 1] -> `raw` (B, classes, H, W), logits. H and W are multiples of 32. Each pool from
    `stride` on (8: the last three) has scores by a 1 x 1 convolution, 0 at first; they are doubled bilinearly, added to
    those of the pool before, and in the end enlarged to the picture. Stride 8 is what the paper calls FCN-8s, here
    without fc6 and fc7, and with normalization; 32 has no finer scores, 2 all of them. `width` multiplies the encoder's
    channels: 14,750,079 parameters at 1 for 21 classes and stride 8.

    `encoder` as in `DeconvNet`. Raises `UserError` for fewer than two classes and another stride.
    """

    answers = "classes"
    multiple = 32
    # In pixels: what the scores of the last pool see is 212 wide, and is enlarged bilinearly, which looks at neighbors.
    context = 160

    def __init__(
        self,
        classes: int | None,
        stride: int = 8,
        width: float = 1.0,
        encoder: Published | None = None,
        normalization: Normalization | None = nn.BatchNorm2d,
    ) -> None:
        super().__init__()
        classes = check_classes(classes)
        if stride not in STRIDES:
            raise UserError(f"generator.stride={stride} must be one of {', '.join(map(str, STRIDES))}")
        self.encoder = Encoder(width, normalization)
        initialize_he(self)
        first = STRIDES.index(stride)
        self.scores = nn.ModuleList(nn.Conv2d(channels, classes, 1) for channels in self.encoder.channels[first:])
        for score in self.scores.parameters():
            nn.init.zeros_(score)
        if encoder is not None:
            known = published(encoder)
            self.encoder.start(dict(known.steps.items()), known.mean, known.std)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        x, maps = self.encoder.seen(image), []
        for block in self.encoder.blocks:
            x = F.max_pool2d(block(x), 2)
            maps.append(x)
        total: Tensor | None = None
        for score, own in zip(reversed(self.scores), reversed(maps), strict=False):
            scores = score(own)
            total = scores if total is None else scores + enlarged(total, own)
        assert total is not None
        return {"raw": enlarged(total, image).to(image.dtype)}


def enlarged(scores: Tensor, like: Tensor) -> Tensor:
    """Return scores at the size of another map, bilinearly."""
    return F.interpolate(scores, like.shape[-2:], mode="bilinear")
