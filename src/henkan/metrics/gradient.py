"""How much happens inside the hole: the mean gradient, which blur and averaged textures lack."""

from __future__ import annotations

from torch import Tensor

from henkan.metrics.per_image import exact, hole_mean, require_pair


class GradientHole:
    """Mean of sqrt(dx² + dy²) inside the hole, forward differences in each channel: a description.

    Counted are the pixels that are missing together with their right and lower neighbors, so that the seam
    at the hole's edge counts nothing. Noise has large gradients too, and an edge keeps its sum of gradients
    however softly it rises: read it beside the true pictures' value (`GradientGapHole`).
    `output`: (B, C, H, W) in [0, 1]; `mask`: (B, 1, H, W), 1 = missing. Returns (B,) in [0, √2], NaN where
    no pixel counts.
    """

    @exact
    def __call__(self, output: Tensor, mask: Tensor) -> Tensor:
        require_pair(output, output, mask)
        return _mean_gradient(output, mask)


class GradientGapHole:
    """Mean gradient inside the hole, output less target: below 0 is too smooth, above too busy.

    Each as in `GradientHole`; a difference and no ratio, since a flat target would divide by nothing.
    `output`, `target`: (B, C, H, W) in [0, 1]; `mask`: (B, 1, H, W), 1 = missing. Returns (B,), NaN where no
    pixel counts.
    """

    @exact
    def __call__(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        require_pair(output, target, mask)
        return _mean_gradient(output, mask) - _mean_gradient(target, mask)


def _mean_gradient(image: Tensor, mask: Tensor) -> Tensor:
    here = image[..., :-1, :-1]
    across = image[..., :-1, 1:] - here
    down = image[..., 1:, :-1] - here
    missing = mask > 0
    counted = missing[..., :-1, :-1] & missing[..., :-1, 1:] & missing[..., 1:, :-1]
    return hole_mean((across.square() + down.square()).sqrt(), counted)
