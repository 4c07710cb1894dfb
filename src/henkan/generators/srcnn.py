"""The generator of "Image Super-Resolution Using Deep Convolutional Networks" (Dong, Loy, He, Tang 2014)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from henkan.color import luma
from henkan.errors import UserError
from henkan.networks.layers import scaled
from henkan.networks.resampling import enlarged


class SRCNN(nn.Module):
    """Sharpen a picture that bicubic interpolation has enlarged: three convolutions at full size.

    Input: `image` (B, channels, h, w) in [0, 1]; returns `raw`, as many channels of h·scale x w·scale. With one of the
    `channels` and a picture of three it works on Y, as published, and leaves Cb and Cr as bicubic interpolation has
    them. `kernels` are the sides of the three: 9-1-5, or the larger 9-5-5. `width` multiplies 64 and 32 channels.
    Parameters at 1: 8,129 (one channel, 9-1-5), 20,099 and 69,251 (three channels, 9-1-5 and 9-5-5).

    Where the original trains without padding, edges are repeated here: the answer has the size of the target. The
    weights start as PyTorch's do, not from N(0, 0.001²) as there, which takes 10^8 backpropagations to learn. Raises
    `UserError` for other kernels and channels.
    """

    multiple = 1

    def __init__(self, scale: int, channels: int = 3, kernels: Sequence[int] = (9, 1, 5), width: float = 1.0) -> None:
        super().__init__()
        if len(kernels) != 3 or any(kernel % 2 == 0 for kernel in kernels):
            raise UserError(f"generator.kernels={list(kernels)} must be three odd numbers")
        self.scale, self.channels = scale, channels
        # In pixels of the small picture; bicubic interpolation sees two of them.
        self.context = -(-sum(kernel // 2 for kernel in kernels) // scale) + 2
        first, second, third = kernels
        c64, c32 = scaled(64, width), scaled(32, width)
        self.layers = nn.Sequential(
            _convolution(channels, c64, first),
            nn.ReLU(inplace=True),
            _convolution(c64, c32, second),
            nn.ReLU(inplace=True),
            _convolution(c32, channels, third),
        )

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        large = enlarged(image, self.scale)
        if self.channels == 1 and image.shape[1] == 3:
            # Its range, full or studio, does not matter to a sum of changes.
            y = luma(large)
            # The same change of all three leaves Cb and Cr as they are.
            return {"raw": large + (self.layers(y).to(image.dtype) - y)}
        if image.shape[1] != self.channels:
            raise UserError(
                f"the SRCNN was built for {self.channels} channels and is given {image.shape[1]}: set "
                f"generator.channels={image.shape[1]}, or 1"
            )
        return {"raw": self.layers(large).to(image.dtype)}


def _convolution(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, padding_mode="replicate")
