"""A distance between deep features of VGG-16: a second opinion beside Lite0's."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from henkan.metrics.per_image import exact, require_pair, require_side, unit_distance
from henkan.pretrained.features import VGG16Oxford

# Those that LPIPS reads of a VGG-16.
_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
_SMALLEST = 16


class VGG16Distance:
    """Mean squared distance of unit feature vectors, over five layers of VGG-16: LPIPS's form, unweighted.

    d = mean over layers l and positions p of ‖f_lp / ‖f_lp‖ - g_lp / ‖g_lp‖‖², f and g the features of output and
    target, relu1_2, relu2_2, relu3_3, relu4_3, relu5_3 of the authors' own network. There are no learned weights: this
    is not LPIPS, and its values are its own. `output`, `target`: (B, 3, H, W) in [0, 1]. Returns (B,) in [0, 2], 0 for
    pictures that are the same. Raises `MissingWeights` if vgg16_oxford.safetensors is absent, `UserError` for pictures
    with a side under 16 pixels, of which the last layer sees nothing.
    """

    def __init__(self) -> None:
        self._network = network()

    @exact
    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        require_pair(output, target)
        require_side(output, _SMALLEST, "vgg16_distance")
        ours, theirs = self._network(output), self._network(target)
        return torch.stack([unit_distance(ours[layer], theirs[layer]) for layer in _LAYERS]).mean(0)


@functools.cache
def network() -> VGG16Oxford:
    """Return the network, one for the process."""
    return VGG16Oxford(_LAYERS)


def pooled(images: Tensor) -> Tensor:
    """Return each picture's mean over positions of relu5_3: (B, 3, H, W) in [0, 1] -> (B, 512).

    Metrics that ask for the same tensor in turn share one pass.
    """
    return _pooled(images, 0 if images.is_inference() else images._version)


# As in `lite0`: output and target.
@functools.lru_cache(maxsize=2)
def _pooled(images: Tensor, version: int) -> Tensor:
    require_side(images, _SMALLEST, "a metric on VGG-16")
    features: Tensor = network()(images)[_LAYERS[-1]]
    return features.mean((2, 3))
