"""DISTS: structure and texture of two pictures in VGG-16, where a texture may be another sample of its kind."""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn
from torchmetrics.functional.image.dists import DISTSNetwork, L2pooling

from henkan.errors import MissingWeights
from henkan.metrics.per_image import exact, require_pair, require_side
from henkan.pretrained import weights

_SMALLEST = 16


class DISTS:
    """DISTS (Ding et al., 2020) with its authors' weights, which come with torchmetrics, over torchvision's VGG-16.

    `output`, `target`: (B, 3, H, W) in [0, 1]. Returns (B,), 0 for pictures that are the same, 1 at most but for
    opposite ones. Raises `MissingWeights` if vgg16-397923af.pth is absent, `UserError` for pictures with a side under
    16 pixels, of which the last stage sees nothing.
    """

    def __init__(self) -> None:
        self._network = _network()

    @exact
    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        require_pair(output, target)
        require_side(output, _SMALLEST, "dists")
        distances: Tensor = self._network.to(output.device)(output, target)
        # torchmetrics leaves no batch of one.
        return distances.reshape(len(output))


class _Network(DISTSNetwork):
    """torchmetrics' network without its constructor, which downloads."""

    def __init__(self, trunk: nn.Sequential, alpha: Tensor, beta: Tensor) -> None:
        nn.Module.__init__(self)
        # A stage ends before each of VGG's poolings, in place of which the next one begins with its own.
        ends = [number for number, layer in enumerate(trunk) if isinstance(layer, nn.MaxPool2d)]
        self.chns = [3, 64, 128, 256, 512, 512]
        starts = [0, *(end + 1 for end in ends)]
        for number, (start, end) in enumerate(zip(starts, ends, strict=False)):
            pooling = [L2pooling(channels=self.chns[number])] if number else []
            setattr(self, f"stage{number + 1}", nn.Sequential(*pooling, *trunk[start:end]))
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, -1, 1, 1))
        self.alpha, self.beta = nn.Parameter(alpha), nn.Parameter(beta)


@functools.cache
@torch.inference_mode(False)
def _network() -> nn.Module:
    """Return DISTS, one for the process."""
    from torchmetrics.functional.image.dists import _PATH_WEIGHT_DISTS
    from torchvision.models import VGG16_Weights, vgg16

    trained = weights.load(VGG16_Weights.IMAGENET1K_V1.url)
    if not getattr(trained, "exact", True):
        raise MissingWeights("vgg16-397923af.pth is missing: a copy whose values cannot be checked is no DISTS")
    with torch.device("meta"):
        network = vgg16(weights=None, init_weights=False)
    own = {name.removeprefix("features."): value for name, value in trained.items() if name.startswith("features.")}
    network.features.load_state_dict(own, assign=True)
    heads = torch.load(_PATH_WEIGHT_DISTS, map_location="cpu", weights_only=True)
    return _Network(network.features, heads["alpha"], heads["beta"]).requires_grad_(False).eval()
