"""The network of "DehazeNet: An End-to-End System for Single Image Haze Removal" (Cai, Xu, Jia, Qing, Tao 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from henkan.errors import UserError
from henkan.networks.atmosphere import lookup, refined
from henkan.networks.resampling import mirrored

PATCH, GROUP, MAPS = 16, 4, 16
# A maximum over 7 x 7 places, and the kernel that reads it.
WINDOW, LAST = 7, 6


class DehazeNet(nn.Module):
    """Find the transmission of haze from a patch around each pixel: 8,305 parameters.

    Input: `image` (B, 3, H, W) in [0, 1], any H and W. Returns `raw` (B, 1, H, W) in [0, 1], the transmission;
    `transmission`, the same with the edges of the picture (a guided filter of `radius` pixels and `epsilon`), and
    `airlight` (B, 3, 1, 1), the color of the brightest pixel on the `share` of the picture where it is lowest.

    A picture of 16 x 16 pixels is one of the patches that it is trained on: convolutions read inside of it alone, and
    the one answer, an estimate for the whole patch, is returned at each of its pixels. Of any other, each pixel is the
    answer of its own surroundings, continued symmetrically beyond the picture, as released.

    A bounded ReLU learns nothing outside its bounds: the last layer starts from weights of N(0, 0.001) and a bias of
    0.5, half of the light, the others as PyTorch has them. The paper starts from N(0, 0.001) and 0 throughout (MEMORY).
    """

    def __init__(self, radius: int = 50, epsilon: float = 1e-3, share: float = 0.01) -> None:
        super().__init__()
        if not (radius >= 1 and 0.0 < share <= 1.0):
            raise UserError(f"generator.radius={radius} must be 1 or more, generator.share={share} from above 0 to 1")
        self.radius, self.epsilon, self.share = radius, epsilon, share
        self.features = nn.Conv2d(3, MAPS, 5)
        self.scales = nn.ModuleList(nn.Conv2d(MAPS // GROUP, MAPS, side) for side in (3, 5, 7))
        self.last = nn.Conv2d(3 * MAPS, 1, LAST)
        assert self.last.bias is not None
        nn.init.normal_(self.last.weight, 0.0, 0.001)
        nn.init.constant_(self.last.bias, 0.5)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        height, width = image.shape[-2:]
        patch = (height, width) == (PATCH, PATCH)
        raw = self.answer(image, patch).to(image.dtype).clamp(0.0, 1.0).expand(-1, -1, height, width)
        transmission = refined(raw, image, self.radius, self.epsilon)
        airlight = lookup(image, -raw, self.share, brightest=True)
        return {"raw": raw, "transmission": transmission, "airlight": airlight}

    def answer(self, image: Tensor, patch: bool) -> Tensor:
        """Return the transmission, not bounded: (B, 1, H - 15, W - 15) of patches, else (B, 1, H, W)."""
        x = image - 0.5
        x = self.features(x if patch else mirrored(x, 2))
        # Maxout over groups of neighbors (Goodfellow et al. 2013).
        x = x.unflatten(1, (-1, GROUP)).amax(2)
        several = []
        for convolution in self.scales:
            assert isinstance(convolution, nn.Conv2d)
            margin = convolution.kernel_size[0] // 2
            around = functional.pad(x, (margin,) * 4) if patch else mirrored(x, margin)
            several.append(convolution(around))
        x = torch.cat(several, dim=1)
        x = functional.max_pool2d(x, WINDOW, stride=1, padding=0 if patch else WINDOW // 2)
        # A kernel of an even side sees a pixel less above and to the left.
        found: Tensor = self.last(x if patch else mirrored(x, LAST // 2)[..., 1:, 1:])
        return found
