"""The scores of super-resolution: without a rim as wide as the scale, in RGB or on the brightness Y alone."""

from __future__ import annotations

from torch import Tensor

from henkan.color import studio_luma
from henkan.errors import UserError
from henkan.metrics.per_image import exact, require_pair
from henkan.metrics.psnr import PSNR
from henkan.metrics.ssim import SSIM


class PSNRCrop:
    """PSNR of each image in RGB, at most `cap`, without its outermost pixels: as many as the target is larger than the
    source.

    `output`, `target`: (B, 3, H, W) in [0, 1]; `source`: (B, C, h, w). Returns (B,) in dB.
    """

    def __init__(self, cap: float = 100.0) -> None:
        self.score = PSNR(cap)

    @exact
    def __call__(self, output: Tensor, target: Tensor, source: Tensor) -> Tensor:
        return self.score(*cropped(output, target, source))


class PSNRYCrop:
    """PSNR of each image's Y (`color.studio_luma`) of 255, cropped as `PSNRCrop` is; at ×4 known as `psnr_y_crop4`.

    `output`, `target`: (B, 3, H, W) in [0, 1]; `source`: (B, C, h, w). Returns (B,) in dB.
    """

    def __init__(self, cap: float = 100.0) -> None:
        self.score = PSNR(cap)

    @exact
    def __call__(self, output: Tensor, target: Tensor, source: Tensor) -> Tensor:
        return self.score(*(studio_luma(image) for image in cropped(output, target, source)))


class SSIMYCrop:
    """SSIM of each image's Y, cropped as `PSNRCrop` is. Arguments as there; returns (B,), at most 1."""

    def __init__(self) -> None:
        self.score = SSIM()

    @exact
    def __call__(self, output: Tensor, target: Tensor, source: Tensor) -> Tensor:
        return self.score(*(studio_luma(image) for image in cropped(output, target, source)))


def cropped(output: Tensor, target: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
    """Return two pictures without a rim of as many pixels as they are times larger than `source`."""
    require_pair(output, target)
    rim = target.shape[-1] // source.shape[-1]
    if target.shape[1] != 3:
        raise UserError("this score is of pictures in RGB, and these are grey: leave it out of `metric`")
    if min(target.shape[-2:]) <= 2 * rim:
        height, width = target.shape[-2:]
        raise UserError(f"a picture of {width}x{height} pixels has nothing inside a rim of {rim}: remove it")
    inner = slice(rim, -rim)
    return output[..., inner, inner], target[..., inner, inner]
