"""A U-Net that is shown a picture's noise beside it: what is left when its neighbors have predicted a pixel."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from henkan.errors import UserError
from henkan.generators.unet import UNet
from henkan.networks.layers import Normalization

# Three of the residuals of the spatial rich model (Fridrich and Kodovský 2012), those that detection of pasted parts is
# given (Zhou et al. 2018): of a line, of a square of 3 and of one of 5 pixels.
LINE = ((0, 0, 0, 0, 0), (0, 0, 0, 0, 0), (0, 1, -2, 1, 0), (0, 0, 0, 0, 0), (0, 0, 0, 0, 0))
SMALL = ((0, 0, 0, 0, 0), (0, -1, 2, -1, 0), (0, 2, -4, 2, 0), (0, -1, 2, -1, 0), (0, 0, 0, 0, 0))
LARGE = ((-1, 2, -2, 2, -1), (2, -6, 8, -6, 2), (-2, 8, -12, 8, -2), (2, -6, 8, -6, 2), (-1, 2, -2, 2, -1))
FILTERS = ((LINE, 2.0), (SMALL, 4.0), (LARGE, 12.0))
LEVELS = 255.0


class HighPassUNet(nn.Module):
    """Give a `henkan.generators.unet.UNet` the picture and three fixed residuals of each of its channels.

    A residual is zero where a pixel is what its neighbors say, so that what a picture shows is all but gone from it,
    and its noise, grain and compression are left: they are smoother, or of another kind, where it was edited. They are
    cut at ±`limit` levels of 255. Input: `image` (B, `in_channels`, H, W) in [0, 1]; everything else as the U-Net's.
    """

    filters: Tensor

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 1,
        side: int = 256,
        depth: int | None = None,
        width: float = 1.0,
        dropout: float = 0.5,
        normalization: Normalization | None = nn.BatchNorm2d,
        limit: float = 8.0,
    ) -> None:
        super().__init__()
        if not limit > 0.0:
            raise UserError(f"generator.limit={limit} must be above 0: residuals are cut there")
        self.in_channels, self.limit = in_channels, limit
        kernels = torch.stack([torch.tensor(kernel) / divisor for kernel, divisor in FILTERS])[:, None]
        self.register_buffer("filters", kernels, persistent=False)
        inputs = in_channels * (1 + len(FILTERS))
        self.network = UNet(inputs, out_channels, side, depth, width, dropout, normalization)
        self.multiple, self.context = self.network.multiple, self.network.context

    def residuals(self, image: Tensor) -> Tensor:
        """Return the residuals (B, 3 C, H, W) of a picture (B, C, H, W), ±`limit` levels as [0, 1]: 0.5 is none."""
        single = F.pad(image.flatten(0, 1)[:, None], (2, 2, 2, 2), mode="replicate")
        found = F.conv2d(single, self.filters.to(image.dtype)).reshape(len(image), -1, *image.shape[2:])
        return (found * (LEVELS / self.limit)).clamp(-1.0, 1.0) / 2.0 + 0.5

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        if image.shape[1] != self.in_channels:
            raise UserError(
                f"this U-Net was built for {self.in_channels} channels and is given {image.shape[1]}: set "
                f"generator.in_channels={image.shape[1]}"
            )
        # bfloat16 would round a residual of one level away.
        with torch.autocast(image.device.type, enabled=False):
            residuals = self.residuals(image.float())
        answer: dict[str, Tensor] = self.network(torch.cat((image, residuals.to(image.dtype)), dim=1))
        return answer
