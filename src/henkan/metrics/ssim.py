"""Structural similarity, per image."""

from __future__ import annotations

from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from henkan.errors import UserError
from henkan.metrics.per_image import exact, hole_mean, require_pair

_WINDOW = 11
_MARGIN = _WINDOW // 2


class SSIM:
    """Mean SSIM (Wang et al., 2004) over each image's windows and channels.

    Gaussian windows of 11×11, σ 1.5, K1 0.01, K2 0.03, only where they lie in the picture entirely, as in the
    authors' code. `output`, `target`: (B, C, H, W) in [0, 1]. Returns (B,), at most 1.
    Raises `UserError` for pictures smaller than a window.
    """

    @exact
    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        require_pair(output, target)
        return _similarity(output, target)[..., _MARGIN:-_MARGIN, _MARGIN:-_MARGIN].mean((1, 2, 3))


class SSIMHole:
    """Mean SSIM over the windows whose center is missing.

    As `SSIM`, but windows reach over the picture's edge, mirrored there, since a hole may touch it, and the
    target stands in for what is outside the hole, so that only the hole is judged. `mask`: (B, 1, H, W),
    1 = missing. Returns (B,), NaN where nothing is missing.
    """

    @exact
    def __call__(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        require_pair(output, target, mask)
        return hole_mean(_similarity(output.where(mask > 0, target), target), mask)


def _similarity(output: Tensor, target: Tensor) -> Tensor:
    """Return SSIM at every pixel and channel: (B, C, H, W)."""
    if min(output.shape[-2:]) < _WINDOW:
        height, width = output.shape[-2:]
        raise UserError(
            f"ssim needs pictures of {_WINDOW} x {_WINDOW} pixels at least, not {height} x {width}: "
            "leave it out of `metric`"
        )
    _, similarity = structural_similarity_index_measure(
        output,
        target,
        sigma=1.5,
        kernel_size=_WINDOW,
        data_range=1.0,
        reduction="none",
        return_full_image=True,
    )
    return similarity
