"""The deconvolution network of Noh, Hong and Han, "Learning Deconvolution Network for Semantic Segmentation" (2015)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from henkan.errors import UserError
from henkan.networks.layers import Normalization, check_vectors, initialize_he, normalized, scaled
from henkan.networks.modes import has_batch_statistics
from henkan.networks.vgg16 import Encoder, check_classes, check_side
from henkan.pretrained.encoder import Published, published

# Of the three, three, three, two and two deconvolutions after each unpooling, the deepest first.
_STAGES = ((512, 512, 512), (512, 512, 256), (256, 256, 128), (128, 64), (64, 64))


class DeconvNet(nn.Module):
    """VGG-16 down to one vector a picture, and its mirror image back up: where a maximum was, it is put back.

    `image` (B, 3 or 1, H, W) in [0, 1] -> `raw` (B, classes, H, W), logits. H and W are multiples of 32, and `side`,
    the training crop's, or more. Thirteen convolutions with five 2 x 2 pools that keep their switches; fc6, a
    convolution as large as what is left of the crop (7 x 7 at 224), and fc7, 1 x 1, of 4096 channels; a deconvolution
    back to that size; then five times an unpooling with the switches, and deconvolutions of 3 x 3; 1 x 1 to the
    classes. All but the last are normalized. `width` multiplies every number of channels: 251,805,653 parameters at 1
    for 21 classes and 224 pixels, of which fc6 has 7 · 7 · 512 · 4096 = 102,760,448 weights.

    `encoder` names published weights that the thirteen convolutions start from, at width 1 (`vgg16`, `vgg16_oxford`;
    null: random ones). Raises `MissingWeights` where these are absent, `UserError` for fewer than two classes, instance
    normalization, a side that 32 does not divide, a picture smaller than the crop, and one alone in a batch to learn
    from.
    """

    answers = "classes"
    multiple = 32
    # One vector sees the whole crop, and there may be one only.
    context = None

    def __init__(
        self,
        classes: int | None,
        side: int = 224,
        width: float = 1.0,
        encoder: Published | None = None,
        normalization: Normalization | None = nn.BatchNorm2d,
    ) -> None:
        super().__init__()
        check_vectors(normalization)
        classes, kernel = check_classes(classes), check_side(side)
        self.side = side
        self.encoder = Encoder(width, normalization)
        deepest, whole = self.encoder.channels[-1], scaled(4096, width)
        self.whole = nn.Sequential(
            *normalized(nn.Conv2d(deepest, whole, kernel), normalization),
            nn.ReLU(inplace=True),
            *normalized(nn.Conv2d(whole, whole, 1), normalization),
            nn.ReLU(inplace=True),
            *normalized(nn.ConvTranspose2d(whole, deepest, kernel), normalization),
            nn.ReLU(inplace=True),
        )
        self.decoder = nn.ModuleList()
        inputs = deepest
        for stage in _STAGES:
            layers: list[nn.Module] = []
            for outputs in (scaled(channels, width) for channels in stage):
                deconvolution = nn.ConvTranspose2d(inputs, outputs, 3, padding=1)
                layers += [*normalized(deconvolution, normalization), nn.ReLU(inplace=True)]
                inputs = outputs
            self.decoder.append(nn.Sequential(*layers))
        self.last = nn.Conv2d(inputs, classes, 1)
        self.is_batch_normalized = has_batch_statistics(self)
        initialize_he(self)
        if encoder is not None:
            known = published(encoder)
            self.encoder.start(dict(known.steps.items()), known.mean, known.std)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        if min(image.shape[-2:]) < self.side:
            raise UserError(
                f"a picture of {image.shape[-1]}x{image.shape[-2]} pixels is smaller than the {self.side} that this "
                "network's vector sees: enlarge it, or train with a smaller size"
            )
        if self.training and image.shape[0] * image.shape[-2:].numel() == self.side**2 and self.is_batch_normalized:
            raise UserError("one vector of one picture has no statistics to be normalized by: set batch_size=2 or more")
        x = self.encoder.seen(image)
        switches: list[Tensor] = []
        for block in self.encoder.blocks:
            x, own = pooled(block(x))
            switches.append(own)
        x = self.whole(x)
        for stage in self.decoder:
            x = stage(unpooled(x, switches.pop()))
        return {"raw": self.last(x).to(image.dtype)}


def pooled(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the maxima of 2 x 2 pixels, and where each was: (B, C, H, W) -> twice (B, C, H/2, W/2)."""
    maxima, switches = F.max_pool2d(x, 2, return_indices=True)
    return maxima, switches


def unpooled(x: Tensor, switches: Tensor) -> Tensor:
    """Put values back to where the maxima were, zeros around them: (B, C, h, w) -> (B, C, 2h, 2w)."""
    return F.max_unpool2d(x, switches, (2, 2))
