"""The residual generators of SRGAN: SRResNet (Ledig et al. 2017), and BasicSR's variant of it without batch norm."""

from __future__ import annotations

from torch import Tensor, nn

from henkan.networks.layers import Normalization, initialize_he, normalized, scaled
from henkan.networks.published import Theirs
from henkan.networks.unnormalized import CONVOLUTIONS, PlainBlock, initialize_small
from henkan.networks.upsampling import Interpolation, Upsampling, enlarging, interpolated


class SRResNet(nn.Module):
    """Enlarge a picture: 16 residual blocks with batch norm at its own size, then two pixel shuffles.

    Input: `image` (B, 3, h, w) in [0, 1], as it is; the layers answer in [-1, 1], which is mapped back: `raw` (B, 3,
    h·scale, w·scale), not clipped. (SRGAN: a tanh is optional; there is none.) `scale` is 2, 3, 4 or 8, `blocks` how
    many residual blocks, `width` multiplies 64 channels. 1,549,462 parameters at 1 for scale 4. Each PReLU has one
    weight. Without normalization (`null`) there remains a network like EDSR with kernels of 9 at both ends.
    """

    multiple = 1

    def __init__(
        self, scale: int, blocks: int = 16, width: float = 1.0, normalization: Normalization | None = nn.BatchNorm2d
    ) -> None:
        super().__init__()
        channels = scaled(64, width)
        self.scale = scale
        # In pixels of the small picture: the kernels' halves, those behind a pixel shuffle divided by the enlargement.
        self.context = 2 * blocks + 8
        self.first = nn.Sequential(nn.Conv2d(3, channels, 9, padding=4), nn.PReLU())
        self.blocks = nn.Sequential(*(_Block(channels, normalization) for _ in range(blocks)))
        self.joined = nn.Sequential(*normalized(nn.Conv2d(channels, channels, 3, padding=1), normalization))
        self.up = enlarging(channels, scale, nn.PReLU)
        self.last = nn.Conv2d(channels, 3, 9, padding=4)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        first = self.first(image)
        x = self.last(self.up(first + self.joined(self.blocks(first))))
        return {"raw": (x.to(image.dtype) + 1.0) / 2.0}


class _Block(nn.Module):
    """Two 3 x 3 convolutions, each normalized, PReLU between them, beside the identity; nothing after the sum."""

    def __init__(self, channels: int, normalization: Normalization | None) -> None:
        super().__init__()
        first, second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.layers = nn.Sequential(*normalized(first, normalization), nn.PReLU(), *normalized(second, normalization))

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = x + self.layers(x)
        return total


class MSRResNet(nn.Module):
    """Enlarge a picture: what the layers learn is added to an interpolation of it. No normalization, kernels of 3.

    `image` (B, 3, h, w) in [0, 1] -> `raw` (B, 3, h·scale, w·scale), not clipped. `scale` is 2, 3, 4 or 8; `skip` is
    how the picture beside is enlarged, `bilinear` in BasicSR. `width` multiplies 64 channels: 1,517,571 parameters at 1
    with 16 `blocks` for scale 4, as many as EDSR's baseline has, and 232,963 at 0.5 with 8. Weights start from
    He's initialization, those of the blocks and of the last layer from a tenth of it, so that the first answer is
    nearly the interpolation. (BasicSR starts all from a tenth, which leaves it there for the first 300 updates.)
    """

    multiple = 1

    def __init__(
        self,
        scale: int,
        blocks: int = 16,
        width: float = 1.0,
        skip: Interpolation = "bilinear",
        upsampling: Upsampling = "shuffle",
    ) -> None:
        super().__init__()
        channels = scaled(64, width)
        self.scale, self.skip = scale, skip
        self.context = 2 * blocks + 4
        self.first = nn.Sequential(nn.Conv2d(3, channels, 3, padding=1), _leaky())
        self.blocks = nn.Sequential(*(PlainBlock(channels) for _ in range(blocks)))
        self.up = enlarging(channels, scale, _leaky, upsampling)
        self.last = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), _leaky(), nn.Conv2d(channels, 3, 3, padding=1)
        )
        initialize_he(self)
        initialize_small(self.blocks)
        initialize_small(self.last[-1:])

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        found = self.last(self.up(self.blocks(self.first(image))))
        return {"raw": interpolated(image, self.scale, self.skip) + found.to(image.dtype)}

    def published(self) -> dict[str, Theirs]:
        """Return where each layer's weights are in files of BasicSR's code (XPixelGroup, `MSRResNet`).

        They were learned with a `skip` that is bilinear, and with pixel shuffles.
        """
        found = {"first.0": "conv_first", "last.0": "conv_hr", "last.2": "conv_last"}
        for number in range(len(self.blocks)):
            found |= {f"blocks.{number}.layers.{place}": f"body.{number}.{name}" for place, name in CONVOLUTIONS}
        doubling = [place for place, layer in enumerate(self.up) if isinstance(layer, nn.Conv2d)]
        found |= {f"up.{place}": f"upconv{number}" for number, place in enumerate(doubling, start=1)}
        return {own: Theirs((theirs,)) for own, theirs in found.items()}


def _leaky() -> nn.Module:
    return nn.LeakyReLU(0.1, inplace=True)
