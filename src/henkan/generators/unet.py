"""The generator of pix2pix, "Image-to-Image Translation with Conditional Adversarial Networks" (2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from henkan.errors import UserError
from henkan.networks.layers import Normalization, initialize_pix2pix, normalized, scaled
from henkan.networks.published import Theirs

_DEEPEST = 8
_DROPPED = 3
"""The first decoder layers have dropout: pix2pix's only noise."""


class UNet(nn.Module):
    """Halve the picture `depth` times, double it as often, and hand every resolution across (U-Net 256).

    Input: `image` (B, C, H, W) in [0, 1], mapped to [-1, 1] inside, and, where the task has one, `mask` (B,
    1, H, W); `in_channels` counts both. H and W are multiples of 2^depth. Returns `raw` (B, out_channels, H,
    W) in [0, 1]. Unless given, `depth` is as often as 2 divides `side`, the training crop's, at most 8: of
    256 pixels remains one. `width` multiplies every number of channels: 54,413,955 parameters at 1, for 3
    channels and depth 8.

    The innermost code is not normalized, as in the paper: at 1 x 1 a batch of one has no statistics. With
    small batches, `torch.nn.InstanceNorm2d` does in evaluation what it did in training, which batch norm does
    not. Raises `UserError` for a depth below 2, and for other channels than it was built for.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        side: int = 256,
        depth: int | None = None,
        width: float = 1.0,
        dropout: float = 0.5,
        normalization: Normalization | None = nn.BatchNorm2d,
    ) -> None:
        super().__init__()
        # side & -side is the largest power of two that divides it.
        depth = min(_DEEPEST, (side & -side).bit_length() - 1) if depth is None else depth
        if depth < 2:
            raise UserError(f"a U-Net of depth {depth} (at side {side}) is none: choose a size that 4 divides")
        if not 0.0 <= dropout <= 1.0:
            raise UserError(f"generator.dropout={dropout} must be from 0 to 1")
        self.in_channels = in_channels
        self.multiple = 2**depth
        # Its innermost code may see the whole picture.
        self.context = None
        channels = [scaled(64 * min(2**level, 8), width) for level in range(depth)]
        bias = normalization is None

        self.down = nn.ModuleList()
        inputs = in_channels
        for level, outputs in enumerate(channels):
            outermost, innermost = level == 0, level == depth - 1
            convolution = nn.Conv2d(inputs, outputs, kernel_size=4, stride=2, padding=1, bias=bias)
            layers = normalized(convolution, None if outermost or innermost else normalization)
            layers.append(nn.ReLU(inplace=True) if innermost else nn.LeakyReLU(0.2, inplace=True))
            self.down.append(nn.Sequential(*layers))
            inputs = outputs

        self.up = nn.ModuleList()
        for place, outputs in enumerate(reversed(channels[:-1])):
            doubling = nn.ConvTranspose2d(inputs, outputs, kernel_size=4, stride=2, padding=1, bias=bias)
            layers = normalized(doubling, normalization)
            if place < _DROPPED:
                layers.append(nn.Dropout(dropout))
            self.up.append(nn.Sequential(*layers))
            inputs = 2 * outputs
        self.last = nn.ConvTranspose2d(inputs, out_channels, kernel_size=4, stride=2, padding=1)
        initialize_pix2pix(self)

    def forward(self, image: Tensor, mask: Tensor | None = None) -> dict[str, Tensor]:
        x = image * 2.0 - 1.0
        if mask is not None:
            x = torch.cat((x, mask), dim=1)
        if x.shape[1] != self.in_channels:
            raise UserError(
                f"the U-Net was built for {self.in_channels} channels and is given {x.shape[1]}, the mask "
                f"included: set generator.in_channels={x.shape[1]}"
            )
        skips: list[Tensor] = []
        for block in self.down:
            x = block(x)
            skips.append(x)
        skips.pop()
        for block in self.up:
            # The ReLU of a leaky ReLU is that of its input, so the skips need not be kept before it.
            x = torch.cat((block(x), skips.pop()), dim=1).relu_()
        # Before tanh, whose steps under bf16 autocast would be 1/256 near white.
        return {"raw": (torch.tanh(self.last(x).to(image.dtype)) + 1.0) / 2.0}

    def published(self) -> dict[str, Theirs]:
        """Return where each layer's weights are in files of pix2pix's PyTorch code (junyanz, `unet_256`).

        Its blocks lie in one another, each with a layer that halves and one that doubles. There a layer that doubles is
        given the skip before what comes from within, here after it.
        """
        found = {"down.0.0": Theirs(("model.model.0",))}
        inside, innermost = "model.model.1.model", len(self.down) - 1
        for level in range(1, innermost + 1):
            deepest, up = level == innermost, f"up.{innermost - level}"
            found[f"down.{level}.0"] = Theirs((f"{inside}.1",))
            if not deepest:
                found[f"down.{level}.1"] = Theirs((f"{inside}.2",))
            found[f"{up}.0"] = Theirs((f"{inside}.{3 if deepest else 5}",), halves_change_places=not deepest)
            found[f"{up}.1"] = Theirs((f"{inside}.{4 if deepest else 6}",))
            inside += ".3.model"
        return {**found, "last": Theirs(("model.model.3",), halves_change_places=True)}
