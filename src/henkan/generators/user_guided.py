"""The network of "Real-Time User-Guided Image Colorization with Learned Deep Priors" (Zhang et al. 2017)."""

from __future__ import annotations

import itertools
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from henkan.color import BINS
from henkan.errors import UserError
from henkan.networks.layers import Normalization, initialize_he, scaled

Lesson = Literal["classification", "regression"]


class GlobalHints(nn.Module):
    """Describe what a user says of the whole picture's colors by one vector: four 1 x 1 convolutions.

    `histogram` (B, bins + 1, 1, 1): the shares of the picture's colors, then 1, or zeros throughout where they are not
    told; `saturation` (B, 2, 1, 1): its mean, then 1, or zeros. Returns (B, channels, 1, 1). The normalization learns
    no scale: 950,784 parameters for 313 bins and 512 channels. Raises `UserError` for another number of bins, and for
    a single picture in training: of one vector there are no statistics.
    """

    def __init__(self, bins: int = 313, channels: int = 512, normalize: bool = True) -> None:
        super().__init__()
        self.bins = bins
        self.normalize = normalize
        self.histogram = nn.Conv2d(bins + 1, channels, 1)
        self.saturation = nn.Conv2d(2, channels, 1)
        self.layers = nn.Sequential()
        for level in range(4):
            if level > 0:
                self.layers.append(nn.Conv2d(channels, channels, 1))
            self.layers.append(nn.ReLU(inplace=True))
            if normalize:
                # The published count has no place for learned scales.
                self.layers.append(nn.BatchNorm2d(channels, affine=False))

    def forward(self, histogram: Tensor, saturation: Tensor) -> Tensor:
        if histogram.shape[1] != self.bins + 1:
            raise UserError(
                f"the global hints were built for {self.bins} histogram bins and an indicator, and are given "
                f"{histogram.shape[1]} values: set generator.histogram_bins={histogram.shape[1] - 1}"
            )
        if self.training and self.normalize and histogram.shape[0] < 2:
            raise UserError(
                "the global hints of a single picture cannot be normalized: raise batch_size to 2 for each process "
                "at least, or set generator.normalization=null"
            )
        vector: Tensor = self.layers(self.histogram(histogram) + self.saturation(saturation))
        return vector


class UserGuidedColor(nn.Module):
    """Color a picture by its lightness and a few hints of color, by regression and by color classes at once.

    Input, H and W multiples of 8: `lightness` (B, 1, H, W), L / 100; `hints` (B, 2, H, W), ab / 110 and 0 where there
    is no hint; `hint_mask` (B, 1, H, W), 1 = hint. The layers are given (L - 50) / 100, the hints, and the mask - 0.5;
    absent hints are none. Returns `raw` (B, 2, H, W) in [0, 1], ab = (2 raw - 1) * 110, and `bins` (B, 529, H/4, W/4),
    the logits of the color classes: bin 23 * round((a + 110) / 10) + round((b + 110) / 10).

    What is learned first is `classification`: the class loss trains all layers up to conv8, and the regression layers
    behind get features without a gradient. Then `regression` trains all of them, and the class head gets features
    without a gradient. Either way each loss trains its own head, and forward answers the same.

    With `global_hints` the network also has a branch (`GlobalHints`) for `ab_histogram` (B, histogram_bins + 1, 1, 1)
    and `saturation` (B, 2, 1, 1), whose vector is added to conv4's everywhere; absent ones are zeros, not told. Without
    the branch both are left out.

    `width` multiplies every number of channels but those of input and answers: 34,187,027 parameters at 1, and
    950,784 more with global hints. Without normalization (`null`) there is none in the branch either, and the weights
    start from He's initialization. Raises `UserError` for an unknown `learns_from`.
    """

    multiple = 8
    # On each side at most; hints about the whole picture are the same in each of its parts.
    context = 187

    def __init__(
        self,
        learns_from: Lesson = "regression",
        global_hints: bool = False,
        histogram_bins: int = 313,
        width: float = 1.0,
        normalization: Normalization | None = nn.BatchNorm2d,
    ) -> None:
        super().__init__()
        if learns_from not in get_args(Lesson):
            raise UserError(f"generator.learns_from={learns_from} must be {' or '.join(get_args(Lesson))}")
        self.learns_from = learns_from
        c64, c128, c256, c512 = (scaled(channels, width) for channels in (64, 128, 256, 512))
        norm = normalization
        self.conv1 = _block((4, c64, c64), norm)
        self.conv2 = _block((c64, c128, c128), norm)
        self.conv3 = _block((c128, c256, c256, c256), norm)
        self.conv4 = _block((c256, c512, c512, c512), norm)
        self.conv5_to_7 = nn.Sequential(*(_block((c512,) * 4, norm, dilation) for dilation in (2, 2, 1)))
        self.up8, self.short8 = _doubling(c512, c256), _convolution(c256, c256)
        self.conv8 = _block((c256, c256, c256), norm)
        self.up9, self.short9 = _doubling(c256, c128), _convolution(c128, c128)
        self.conv9 = _block((c128, c128), norm)
        self.up10, self.short10 = _doubling(c128, c128), _convolution(c64, c128)
        self.conv10 = nn.Sequential(_convolution(c128, c128), nn.LeakyReLU(0.2, inplace=True))
        self.class_head = nn.Conv2d(c256, BINS**2, 1)
        self.regression_head = nn.Conv2d(c128, 2, 1)
        self.global_hints = GlobalHints(histogram_bins, c512, norm is not None) if global_hints else None
        if norm is None:
            initialize_he(self)

    @property
    def ignores(self) -> frozenset[str]:
        """What of forward's arguments makes no difference to this network."""
        return frozenset() if self.global_hints is not None else frozenset({"ab_histogram", "saturation"})

    def forward(
        self,
        lightness: Tensor,
        hints: Tensor | None = None,
        hint_mask: Tensor | None = None,
        ab_histogram: Tensor | None = None,
        saturation: Tensor | None = None,
    ) -> dict[str, Tensor]:
        batch, _, height, width = lightness.shape
        hints = lightness.new_zeros(batch, 2, height, width) if hints is None else hints
        hint_mask = torch.zeros_like(lightness) if hint_mask is None else hint_mask
        one = self.conv1(torch.cat((lightness - 0.5, hints, hint_mask - 0.5), dim=1))
        two = self.conv2(_subsampled(one))
        three = self.conv3(_subsampled(two))
        four = self.conv4(_subsampled(three))
        if self.global_hints is not None:
            if ab_histogram is None:
                ab_histogram = lightness.new_zeros(batch, self.global_hints.bins + 1, 1, 1)
            if saturation is None:
                saturation = lightness.new_zeros(batch, 2, 1, 1)
            four = four + self.global_hints(ab_histogram, saturation)
        eight = self.conv8((self.up8(self.conv5_to_7(four)) + self.short8(three)).relu_())
        if self.learns_from == "classification":
            bins = self.class_head(eight)
            one, two, eight = one.detach(), two.detach(), eight.detach()
        else:
            bins = self.class_head(eight.detach())
        nine = self.conv9((self.up9(eight) + self.short9(two)).relu_())
        ten = self.conv10((self.up10(nine) + self.short10(one)).relu_())
        # Before tanh, whose steps under bf16 autocast would be 1/256 near the strongest colors.
        ab = torch.tanh(self.regression_head(ten).to(lightness.dtype))
        return {"raw": (ab + 1.0) / 2.0, "bins": bins.to(lightness.dtype)}


def _block(channels: tuple[int, ...], normalization: Normalization | None, dilation: int = 1) -> nn.Sequential:
    """Convolutions with a ReLU each; only their last answer is normalized."""
    layers = nn.Sequential()
    for inputs, outputs in itertools.pairwise(channels):
        layers.extend((_convolution(inputs, outputs, dilation), nn.ReLU(inplace=True)))
    if normalization is not None:
        layers.append(normalization(channels[-1]))
    return layers


def _convolution(inputs: int, outputs: int, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation)


def _doubling(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, kernel_size=4, stride=2, padding=1)


def _subsampled(x: Tensor) -> Tensor:
    return x[..., ::2, ::2]
