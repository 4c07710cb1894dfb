"""The network of "Let there be Color!: Joint End-to-end Learning of Global and Local Image Priors" (Iizuka 2016)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from henkan.color import AB, LUMA
from henkan.errors import UserError
from henkan.networks.layers import Normalization, check_vectors, initialize_he, normalized, scaled

# Channels and stride of 3 x 3 convolutions; stride 0.5 doubles the sides before one.
Plan = tuple[tuple[int, float], ...]
LOW: Plan = ((64, 2), (128, 1), (128, 2), (256, 1), (256, 2), (512, 1))
MIDDLE: Plan = ((512, 1), (256, 1))
WHOLE: Plan = ((512, 2), (512, 1), (512, 2), (512, 1))
COLORS: Plan = ((128, 1), (64, 0.5), (64, 1), (32, 0.5))
# By how much LOW and WHOLE together shorten a side.
SHORTENED = 32
# The paper's sigmoid stands for a and b in ±100.
PUBLISHED_AB = 100.0


class _Color(nn.Module):
    """What both networks share: low-level and mid-level features, and the layers that turn features into color."""

    multiple = 8
    mean: Tensor

    def __init__(self, mean: Sequence[float], width: float, normalization: Normalization | None) -> None:
        super().__init__()
        if len(mean) != len(LUMA):
            raise UserError(f"the mean color has {len(LUMA)} values, not {len(mean)}: set channels=3")
        grey = sum(share * value for share, value in zip(LUMA, mean, strict=True))
        self.register_buffer("mean", torch.tensor(grey, dtype=torch.float32))
        self.low = _convolutions(1, LOW, width, normalization)
        self.middle = _convolutions(scaled(512, width), MIDDLE, width, normalization)
        self.colors = _convolutions(scaled(256, width), COLORS, width, normalization)
        self.colors.append(nn.Conv2d(scaled(32, width), 2, 3, padding=1))

    def painted(self, features: Tensor, dtype: torch.dtype) -> Tensor:
        """Return `raw` for mid-level features."""
        # Under bf16 autocast the sigmoid would leave one step of 1/256 among the colors.
        published = torch.sigmoid(self.colors(features).to(dtype))
        return (published - 0.5) * (PUBLISHED_AB / AB) + 0.5


class LetThereBeColor(_Color):
    """Color a grey picture from what is seen around each place and from one vector about the whole picture.

    Input: `image` (B, 1, H, W) grey in [0, 1], H and W multiples of 8, of which the layers are given the difference to
    the luma of `mean`, the training pictures' mean color (RGB), which is near their mean grey. Returns `raw`
    (B, 2, H/2, W/2): ab = (2 raw - 1) * 110, and at most ±100, as published. The low-level layers work on the picture
    and, for the global branch, on a copy of `side` x `side` pixels; where the picture has that size they work once.

    With `style` (B or 1, 1, h, w), another grey picture, the global branch sees that one instead: the image is then
    colored as if it were the scene that the style shows (a winter landscape like a summer one), while places
    and edges stay its own. The image as its own style changes nothing.

    With `classes` (null or 0: none) it also returns the logits `classes` (B, classes) of the picture that the global
    branch sees. They come from its vector of 512, and so their loss never reaches the mid-level, fusion and color
    layers, nor the vector of 256 that colors; the loss of the color reaches everything but the classifier.

    `width` multiplies every number of channels: 42,367,343 parameters at 1 with 205 classes, 42,182,818 with none, for
    224 pixels. Every layer but the last ones of color and classes is normalized, the fully connected ones too; without
    normalization (`null`) the weights start from He's initialization. Raises `UserError` for instance normalization,
    and for a single picture in training: of one vector there are no statistics.
    """

    # The global branch sees the whole picture.
    context = None

    def __init__(
        self,
        mean: Sequence[float],
        classes: int | None = None,
        side: int = 224,
        width: float = 1.0,
        normalization: Normalization | None = nn.BatchNorm2d,
    ) -> None:
        super().__init__(mean, width, normalization)
        check_vectors(normalization)
        self.side = side
        self.normalized = normalization is not None
        c256, c512, c1024 = (scaled(channels, width) for channels in (256, 512, 1024))
        places = math.ceil(side / SHORTENED) ** 2
        self.whole = nn.Sequential(
            *_convolutions(c512, WHOLE, width, normalization),
            nn.Flatten(),
            nn.Linear(c512 * places, c1024),
            # From here on maps of one place, which have the normalization of maps.
            nn.Unflatten(1, (c1024, 1, 1)),
            *([] if normalization is None else [normalization(c1024)]),
            nn.ReLU(inplace=True),
            *_affine(c1024, c512, normalization),
        )
        self.vector = nn.Sequential(*_affine(c512, c256, normalization))
        self.fusion = nn.Sequential(*_affine(2 * c256, c256, normalization))
        self.classifier = (
            nn.Sequential(*_affine(c512, c256, normalization), nn.Conv2d(c256, classes, 1), nn.Flatten())
            if classes
            else None
        )
        if normalization is None:
            initialize_he(self)

    def forward(self, image: Tensor, style: Tensor | None = None) -> dict[str, Tensor]:
        shown = image if style is None else style
        if self.training and self.normalized and shown.shape[0] < 2:
            raise UserError(
                "the vectors of a single picture cannot be normalized: raise batch_size to 2 for each process at "
                "least, or set generator.normalization=null"
            )
        # An exported program, whose sides may differ, goes one way only: to resize to the same size changes nothing.
        if torch.compiler.is_exporting() or shown.shape[-2:] != (self.side, self.side):
            size = (self.side, self.side)
            shown = functional.interpolate(shown, size=size, mode="bilinear", antialias=True)
        low = self.low(image - self.mean)
        whole = self.whole(low if shown is image else self.low(shown - self.mean))
        local = self.middle(low)
        everywhere = self.vector(whole).expand(local.shape[0], -1, *local.shape[-2:])
        fused = self.fusion(torch.cat((local, everywhere), dim=1))
        returned = {"raw": self.painted(fused, image.dtype)}
        if self.classifier is not None:
            returned["classes"] = self.classifier(whole).to(image.dtype)
        return returned


class LocalColor(_Color):
    """`LetThereBeColor` without its global branch, fusion and classifier: each place is colored by what is around it.

    Input: `image` (B, 1, H, W) grey in [0, 1], H and W multiples of 8; returns `raw` (B, 2, H/2, W/2). The mid-level
    features go to the color layers as they are. `width` multiplies every number of channels: 6,256,802 parameters at 1.
    Without normalization (`null`) the weights start from He's initialization.
    """

    # On each side at most, the doubling of the answer to the picture's size included.
    context = 65

    def __init__(
        self, mean: Sequence[float], width: float = 1.0, normalization: Normalization | None = nn.BatchNorm2d
    ) -> None:
        super().__init__(mean, width, normalization)
        if normalization is None:
            initialize_he(self)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return {"raw": self.painted(self.middle(self.low(image - self.mean)), image.dtype)}


def _convolutions(inputs: int, plan: Plan, width: float, normalization: Normalization | None) -> nn.Sequential:
    layers = nn.Sequential()
    for channels, stride in plan:
        if stride < 1:
            layers.append(nn.Upsample(scale_factor=1 / stride))
        outputs = scaled(channels, width)
        convolution = nn.Conv2d(inputs, outputs, 3, stride=max(1, int(stride)), padding=1)
        layers.extend((*normalized(convolution, normalization), nn.ReLU(inplace=True)))
        inputs = outputs
    return layers


def _affine(inputs: int, outputs: int, normalization: Normalization | None) -> list[nn.Module]:
    """Return a fully connected layer at each place, normalized, with its ReLU."""
    return [*normalized(nn.Conv2d(inputs, outputs, 1), normalization), nn.ReLU(inplace=True)]
