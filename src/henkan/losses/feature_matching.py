"""Feature matching: a fake picture should look to the discriminator's layers as the real one does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from henkan.errors import UserError
from henkan.losses.mse import MSE


class FeatureMatching:
    """Mean over layers l of distance(D_l(fake), D_l(real)), for the generator (Wang et al. 2018, pix2pixHD).

    `distance` is any per-image term; the mean square, the default, is what LaMa takes, L1 what pix2pixHD does. `fake`
    and `real` are the maps (B, ...) that a discriminator returns beside its logits; no gradient reaches the real ones.
    Returns (B,). Raises `UserError` for a discriminator without maps.
    """

    def __init__(self, distance: Callable[[Tensor, Tensor], Tensor] | None = None) -> None:
        self.distance = distance or MSE()

    def __call__(self, fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
        if not fake or len(fake) != len(real):
            raise UserError(
                f"features are matched layer by layer; the discriminator returned {len(fake)} and {len(real)} of them"
            )
        return torch.stack(
            [self.distance(ours, theirs.detach()) for ours, theirs in zip(fake, real, strict=True)]
        ).mean(0)
