"""LPIPS with AlexNet."""

from __future__ import annotations

import functools
import warnings

import torch
from torch import Tensor

from henkan.errors import MissingWeights
from henkan.metrics.per_image import exact, require_pair, require_side
from henkan.pretrained import weights

_SMALLEST = 31


class LPIPSAlex:
    """LPIPS version 0.1 (Zhang et al., 2018) with the authors' heads over torchvision's AlexNet.

    `output`, `target`: (B, 3, H, W) in [0, 1]. Returns (B,), 0 for pictures that are the same.
    Raises `MissingWeights` if alexnet-owt-7be5be79.pth is absent, `UserError` for pictures with a side under
    31 pixels, of which AlexNet's last layers see nothing.
    """

    def __init__(self) -> None:
        self._network = _network()

    @exact
    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        require_pair(output, target)
        require_side(output, _SMALLEST, "lpips_alex")
        network = self._network.to(output.device)
        distances: Tensor = network(output, target, normalize=True)
        return distances.flatten()


@functools.cache
def _network() -> torch.nn.Module:
    """Return LPIPS, one for the process."""
    from torchvision.models import AlexNet_Weights

    trunk = weights.load(AlexNet_Weights.IMAGENET1K_V1.url)
    if not getattr(trunk, "exact", True):
        raise MissingWeights("alexnet-owt-7be5be79.pth is missing: a copy whose values cannot be checked is no LPIPS")
    import lpips

    # Asked for the trained trunk, lpips would download it; so it is given ours in place of a random one.
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="torchvision.models._utils")
        network = lpips.LPIPS(net="alex", version="0.1", pnet_rand=True, verbose=False)
    # lpips cuts torchvision's `features` into slices and keeps their numbers: slice2.3 is features.3.
    names = list(network.net.state_dict())
    network.net.load_state_dict({name: trunk["features." + name.split(".", 1)[1]] for name in names})
    frozen: torch.nn.Module = network.requires_grad_(False).eval()
    return frozen
