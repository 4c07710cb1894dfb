"""The generator of "Resolution-robust Large Mask Inpainting with Fourier Convolutions" (Suvorov et al. 2022)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from henkan.errors import UserError
from henkan.networks.layers import scaled
from henkan.networks.published import Theirs


class LaMa(nn.Module):
    """Fill the holes of a picture: down to an eighth of its side, residual Fourier convolutions, and up again.

    Input: `image` (B, 3, H, W) in [0, 1] and `mask` (B, 1, H, W), 1 = missing, H and W multiples of 8 and 16 at
    least; returns `raw` (B, 3, H, W) in [0, 1]. What `image` holds in the hole does not matter. `width` multiplies
    every number of channels; 27,048,835 parameters at 1 with 9 `blocks`, 50,975,875 with 18 (Big LaMa). Raises
    `UserError` for smaller pictures, which reflection padding cannot continue.
    """

    multiple = 8

    def __init__(self, blocks: int = 9, width: float = 1.0) -> None:
        super().__init__()
        c64, c128, c256, c512 = (scaled(channels, width) for channels in (64, 128, 256, 512))
        self.down = nn.Sequential(
            nn.ReflectionPad2d(3),
            *_activated(nn.Conv2d(4, c64, kernel_size=7, bias=False)),
            *_activated(_convolution(c64, c128, stride=2)),
            *_activated(_convolution(c128, c256, stride=2)),
            *_activated(_convolution(c256, c512, stride=2)),
        )
        self.local = c512 // 4
        self.blocks = nn.ModuleList(_Residual(self.local, c512 - self.local) for _ in range(blocks))
        self.up = nn.Sequential(
            *_activated(_doubling(c512, c256)),
            *_activated(_doubling(c256, c128)),
            *_activated(_doubling(c128, c64)),
            nn.ReflectionPad2d(3),
            nn.Conv2d(c64, 3, kernel_size=7),
        )

    def forward(self, image: Tensor, mask: Tensor) -> dict[str, Tensor]:
        if min(image.shape[-2:]) < 16:
            raise UserError(
                f"LaMa needs pictures of 16 pixels a side at least, not {image.shape[-1]}x{image.shape[-2]}: "
                "enlarge them"
            )
        known = image.masked_fill(mask > 0, 0.0)
        # The first split is of one convolution's channels: each branch reads all 256 below.
        x = self.down(torch.cat((known, mask), dim=1))
        near, far = x[:, : self.local], x[:, self.local :]
        for block in self.blocks:
            near, far = block(near, far)
        logits = self.up(torch.cat((near, far), dim=1))
        return {"raw": torch.sigmoid(logits.to(image.dtype))}

    def published(self) -> dict[str, Theirs]:
        """Return where each layer's weights are in the files of its authors' code (advimman/lama, big-lama)."""
        found: dict[str, tuple[str, ...]] = {}
        for number in range(4):
            name, branches = f"model.{number + 1}", "l" if number < 3 else "lg"
            found[f"down.{3 * number + 1}"] = tuple(f"{name}.ffc.convl2{branch}" for branch in branches)
            found[f"down.{3 * number + 2}"] = tuple(f"{name}.bn_{branch}" for branch in branches)
        for number in range(len(self.blocks)):
            for own, theirs in (("first", "conv1"), ("second", "conv2")):
                for layer, name in _BLOCK.items():
                    found[f"blocks.{number}.{own}.{layer}"] = (f"model.{number + 5}.{theirs}.{name}",)
        # A layer that joins the branches lies between.
        found |= {f"up.{place}": (f"model.{place + len(self.blocks) + 6}",) for place in range(len(self.up))}
        return {own: Theirs(theirs) for own, theirs in found.items()}


# A Fourier convolution's layers, and what they are called in its authors' code.
_BLOCK = {
    "near_to_near": "ffc.convl2l",
    "near_to_far": "ffc.convl2g",
    "far_to_near": "ffc.convg2l",
    "far_to_far.before.0": "ffc.convg2g.conv1.0",
    "far_to_far.before.1": "ffc.convg2g.conv1.1",
    "far_to_far.spectrum.0": "ffc.convg2g.fu.conv_layer",
    "far_to_far.spectrum.1": "ffc.convg2g.fu.bn",
    "far_to_far.after": "ffc.convg2g.conv2",
    "near_end.0": "bn_l",
    "far_end.0": "bn_g",
}


class _FourierConvolution(nn.Module):
    """Exchange between a local branch, seen through 3 x 3 pixels, and a global one, seen through the spectrum."""

    def __init__(self, local: int, whole: int) -> None:
        super().__init__()
        self.near_to_near = _convolution(local, local)
        self.near_to_far = _convolution(local, whole)
        self.far_to_near = _convolution(whole, local)
        self.far_to_far = _SpectralTransform(whole)
        self.near_end = nn.Sequential(nn.BatchNorm2d(local), nn.ReLU(inplace=True))
        self.far_end = nn.Sequential(nn.BatchNorm2d(whole), nn.ReLU(inplace=True))

    def forward(self, near: Tensor, far: Tensor) -> tuple[Tensor, Tensor]:
        return (
            self.near_end(self.near_to_near(near) + self.far_to_near(far)),
            self.far_end(self.near_to_far(near) + self.far_to_far(far)),
        )


class _Residual(nn.Module):
    def __init__(self, local: int, whole: int) -> None:
        super().__init__()
        self.first = _FourierConvolution(local, whole)
        self.second = _FourierConvolution(local, whole)

    def forward(self, near: Tensor, far: Tensor) -> tuple[Tensor, Tensor]:
        inner_near, inner_far = self.second(*self.first(near, far))
        return near + inner_near, far + inner_far


class _SpectralTransform(nn.Module):
    """A 1 x 1 convolution of the orthonormal spectrum, beside the identity, at half the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.before = nn.Sequential(*_activated(nn.Conv2d(channels, half, 1, bias=False)))
        self.spectrum = nn.Sequential(*_activated(nn.Conv2d(2 * half, 2 * half, 1, bias=False)))
        self.after = nn.Conv2d(half, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.before(x)
        # The transform does not exist in bfloat16.
        with torch.autocast(x.device.type, enabled=False):
            x = x.float()
            waves = torch.fft.rfft2(x, norm="ortho")
            # Real and imaginary part of one channel lie side by side.
            parts = torch.stack((waves.real, waves.imag), dim=2).flatten(1, 2)
            real, imaginary = self.spectrum(parts).unflatten(1, (-1, 2)).unbind(2)
            x = x + torch.fft.irfft2(torch.complex(real, imaginary), s=x.shape[-2:], norm="ortho")
        mixed: Tensor = self.after(x)
        return mixed


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, padding=1, padding_mode="reflect", bias=False)


def _doubling(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, kernel_size=3, stride=2, padding=1, output_padding=1)


def _activated(layer: nn.Conv2d | nn.ConvTranspose2d) -> list[nn.Module]:
    return [layer, nn.BatchNorm2d(layer.out_channels), nn.ReLU(inplace=True)]
