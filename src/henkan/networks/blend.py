"""Between two networks: by their weights (Wang et al. 2018, network interpolation), or by their pictures."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from henkan.errors import UserError
from henkan.networks.answers import made
from henkan.networks.modes import stand_in_for


def blended(first: Mapping[str, Tensor], second: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """Return share · first + (1 - share) · second of two states of one network; whole numbers are the first's.

    Raises `UserError` for states of different networks, and for a share outside of [0, 1].
    """
    check_share(share)
    other = {name: tuple(value.shape) for name, value in second.items()}
    for name, value in first.items():
        if other.get(name) != tuple(value.shape):
            raise UserError(f"the two runs have different networks, which cannot be blended by weights: see {name}")
    return {
        name: torch.lerp(second[name], value, share) if value.is_floating_point() else value
        for name, value in first.items()
    }


class PictureBlend(nn.Module):
    """Two generators of `image` alone that answer share · first + (1 - share) · second; only `raw` is returned.

    Unlike a blend of weights it takes any two networks, and twice the time.
    """

    def __init__(self, first: nn.Module, second: nn.Module, share: float) -> None:
        super().__init__()
        check_share(share)
        self.first, self.second, self.share = first, second, share
        stand_in_for(first, self)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        ours, theirs = (made(network, image=image)["raw"].float() for network in (self.first, self.second))
        return {"raw": torch.lerp(theirs, ours, self.share)}


def check_share(share: float) -> None:
    """Raise `UserError` for a share that is none."""
    if not 0.0 <= share <= 1.0:
        raise UserError(f"blend={share} must lie between 0 (the other run) and 1 (this one)")
