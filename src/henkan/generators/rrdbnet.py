"""The generator of "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks" (Wang et al. 2018)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from henkan.errors import UserError
from henkan.networks.layers import scaled
from henkan.networks.published import Theirs
from henkan.networks.unnormalized import initialize_small

# What every residual branch is multiplied by.
SHARE = 0.2
# What the body enlarges by; less is made up for by taking the picture apart first.
ENLARGED = 4


class RRDBNet(nn.Module):
    """Enlarge a picture: residual blocks of residual dense blocks at its own size, then nearest neighbors and
    convolutions, twice.

    Input: `image` (B, 3, h, w) in [0, 1]; returns `raw` (B, 3, h·scale, w·scale), not clipped. `scale` is 4; or 2 or 1
    as in Real-ESRGAN: 2 x 2 or 4 x 4 pixels become channels of one, so that h and w are multiples of that. `width`
    multiplies the 64 channels and the growth of 32. Parameters at 1: with 23 `blocks` 16,697,987 at scale 4 and
    16,703,171 at 2, with 6 blocks 4,467,779 at 4; a dense block has 239,808.

    Names of weights are those of the published files (`conv_first`, `body.N.rdbK.convJ`, `conv_body`, `conv_up1`,
    `conv_up2`, `conv_hr`, `conv_last`), which load as they are. Dense blocks start from a tenth of He's normal
    initialization, all other layers as PyTorch's do. Raises `UserError` for other scales.
    """

    def __init__(self, scale: int, blocks: int = 23, width: float = 1.0) -> None:
        super().__init__()
        if scale not in (1, 2, 4):
            raise UserError(f"degradation.scale={scale}: an RRDBNet enlarges by 1, 2 or 4")
        self.scale = scale
        # So many pixels along each side become channels of one. No `context`: it is 15 pixels a block, and tiles of
        # which hardly anything is written would cost more than what they would gain.
        self.multiple = ENLARGED // scale
        channels, growth = scaled(64, width), scaled(32, width)
        self.conv_first = _convolution(3 * self.multiple**2, channels)
        self.body = nn.Sequential(*(_RRDB(channels, growth) for _ in range(blocks)))
        self.conv_body = _convolution(channels, channels)
        self.conv_up1 = _convolution(channels, channels)
        self.conv_up2 = _convolution(channels, channels)
        self.conv_hr = _convolution(channels, channels)
        self.conv_last = _convolution(channels, 3)
        initialize_small(self.body)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        first = self.conv_first(F.pixel_unshuffle(image, self.multiple))
        x = first + self.conv_body(self.body(first))
        for doubling in (self.conv_up1, self.conv_up2):
            x = _leaky(doubling(F.interpolate(x, scale_factor=2, mode="nearest")))
        return {"raw": self.conv_last(_leaky(self.conv_hr(x))).to(image.dtype)}

    def published(self) -> dict[str, Theirs]:
        """Return where each layer's weights are in files of BasicSR's code (XPixelGroup, `RRDBNet`): as here."""
        return {name: Theirs((name,)) for name, layer in self.named_modules() if isinstance(layer, nn.Conv2d)}


class _DenseBlock(nn.Module):
    """Five 3 x 3 convolutions, each of which sees all that was found before; a fifth of the last is added (RDB)."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.conv1, self.conv2, self.conv3, self.conv4 = (
            _convolution(channels + number * growth, growth) for number in range(4)
        )
        self.conv5 = _convolution(channels + 4 * growth, channels)

    def forward(self, x: Tensor) -> Tensor:
        found = x
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4):
            found = torch.cat((found, _leaky(layer(found))), dim=1)
        return torch.add(x, self.conv5(found), alpha=SHARE)


class _RRDB(nn.Module):
    """Three dense blocks; a fifth of what they add is added."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = (_DenseBlock(channels, growth) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(x, self.rdb3(self.rdb2(self.rdb1(x))), alpha=SHARE)


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def _leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2, inplace=True)
