"""Deep-feature metrics that run offline: distances and a KID over EfficientNet-Lite0.

All look at pictures at their own size, not resized to the 224 px of the network's training: values compare
only between pictures of one size.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor
from torch.nn import functional
from torchmetrics.image.kid import poly_kernel

from henkan.metrics.feature_metric import FeatureMetric
from henkan.metrics.per_image import exact, require_pair, unit_distance
from henkan.pretrained.features import Lite0
from henkan.pretrained.gram import gram

_STAGES = ("stage1", "stage2", "stage3", "stage4", "stage5")


class Lite0Distance:
    """Mean squared distance of unit feature vectors, over Lite0's five stages: LPIPS's form, unweighted.

    d = mean over stages l and positions p of ‖f_lp / ‖f_lp‖ - g_lp / ‖g_lp‖‖², f and g the features of
    output and target. There are no learned weights: this is not LPIPS, and its values are its own.
    `output`, `target`: (B, 3, H, W) in [0, 1]. Returns (B,) in [0, 4], 0 for pictures that are the same.
    """

    @exact
    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        require_pair(output, target)
        ours, theirs = activations(output), activations(target)
        return torch.stack([unit_distance(ours[stage], theirs[stage]) for stage in _STAGES]).mean(0)


class Lite0Style:
    """How differently two pictures are painted: distance of Gram matrices of Lite0's first four stages.

    d = mean over stages of ‖G / ‖G‖ - A / ‖A‖‖², G and A the Gram matrices of output and style picture. `output`,
    `style`: (B, 3, h, w) in [0, 1], of any sizes. Returns (B,) in [0, 4], 0 for pictures of the same statistics.
    """

    @exact
    def __call__(self, output: Tensor, style: Tensor) -> Tensor:
        ours, theirs = activations(output), activations(style)
        distances = [
            functional.normalize(gram(ours[stage]).flatten(1)) - functional.normalize(gram(theirs[stage]).flatten(1))
            for stage in _STAGES[:4]
        ]
        return torch.stack([distance.square().sum(1) for distance in distances]).mean(0)


class KIDLite0(FeatureMetric):
    """Kernel distance (KID, Bińkowski et al., 2018) between outputs and targets over Lite0's pooled features.

    The unbiased MMD² with kernel k(x, y) = (x·y / 1280 + 1)³, in its form for pairs (Gretton et al., 2012,
    eq. 3 for m = n): the mean over i ≠ j of k(xᵢ, xⱼ) + k(yᵢ, yⱼ) - k(xᵢ, yⱼ) - k(yᵢ, xⱼ). The usual form
    counts k(xᵢ, yᵢ) too, but here output i and target i show one picture, which would push it far below 0.
    All pictures count, in float64, and no random subsets are drawn: the same pictures give the same value.
    0 in the mean for sets of one distribution (a little below is possible), no upper bound. Lite0 is not
    Inception: values do not compare with published KIDs.
    """

    def __init__(self, minimum: int = 100) -> None:
        super().__init__(minimum, least=2)

    def _features(self, images: Tensor) -> Tensor:
        return pooled(images)

    def _score(self, outputs: Tensor, targets: Tensor) -> float:
        x, y, count = outputs, targets, len(outputs)
        total = 0.0
        # In blocks of rows, so that memory grows with the number of pictures and not with its square.
        for start in range(0, count, 1024):
            i = slice(start, start + 1024)
            h = poly_kernel(x[i], x) + poly_kernel(y[i], y) - poly_kernel(x[i], y) - poly_kernel(y[i], x)
            h.diagonal(start).zero_()
            total += h.sum().item()
        return total / (count * (count - 1))


@functools.cache
def _network() -> Lite0:
    """Return the network that all metrics here share, one for the process."""
    return Lite0((*_STAGES, "pooled"))


def activations(images: Tensor) -> dict[str, Tensor]:
    """Return the pictures' activations; metrics that ask for the same tensor in turn share one pass."""
    # The version tells a tensor that was written to since; tensors of inference mode keep none.
    return _remembered(images, 0 if images.is_inference() else images._version)


def pooled(images: Tensor) -> Tensor:
    """Return the mean over positions of the last features: (B, 3, H, W) in [0, 1] -> (B, 1280)."""
    return activations(images)["pooled"]


# A tensor hashes by identity, and the cache holds on to it, so an entry is never taken for another tensor's.
# Two entries: output and target.
@functools.lru_cache(maxsize=2)
def _remembered(images: Tensor, version: int) -> dict[str, Tensor]:
    return _network()(images)  # type: ignore[no-any-return]
