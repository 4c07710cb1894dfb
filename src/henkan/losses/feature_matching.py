"""Feature matching: a fake picture should look to the discriminator's layers as the real one does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from henkan.errors import UserError
from henkan.losses.mse import MSE
from henkan.terms.step import Step
from henkan.terms.term import Loss, Need


class FeatureMatching(Loss):
    """Mean over layers l of distance(D_l(fake), D_l(real)), for the generator (Wang et al. 2018, pix2pixHD).

    `distance` is any per-image term; the mean square, the default, is what LaMa takes, L1 what pix2pixHD does. `fake`
    and `real` are the maps (B, ...) that a discriminator returns beside its logits; no gradient reaches the real ones.
    Returns (B,). Raises `UserError` for a discriminator without maps.
    """

    judges = True
    compares = True

    def __init__(self, distance: Callable[[Tensor, Tensor], Tensor] | None = None) -> None:
        self.distance = distance or MSE()

    def needs(self, network: str, stream: str, against: str) -> Mapping[str, Need]:
        return {against: Need.TARGET, stream: Need.GRADIENT} if network == "generator" else {}

    def for_generator(self, step: Step) -> Tensor:
        verdict = step.verdict()
        return self(verdict.fake_maps, verdict.real_maps)

    def __call__(self, fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
        if not fake or len(fake) != len(real):
            raise UserError(
                f"features are matched layer by layer; the discriminator returned {len(fake)} and {len(real)} of them"
            )
        return torch.stack(
            [self.distance(ours, theirs.detach()) for ours, theirs in zip(fake, real, strict=True)]
        ).mean(0)
