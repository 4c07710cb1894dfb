"""Perceptual distance: how much two pictures differ in the eyes of a frozen network."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from henkan.errors import UserError
from henkan.losses.l1 import L1
from henkan.pretrained.shared import Factory, Remembered, View


class Perceptual:
    """Weighted sum over layers l of distance(F_l(input), F_l(target)) (Johnson et al., 2016).

    `features` builds the frozen network F from the layers' names (in YAML one of `henkan.pretrained.features` with
    `_partial_: true`), `layers` gives each layer's weight, and `distance` is any per-image term, L1 (the
    default) or MSE say. `input`, `target`: (B, 3, H, W) in [0, 1]; F normalizes by itself. No gradient
    reaches the target. There is no mask, since features look beyond the hole's edge: read the composed
    picture. Terms that look through equal networks share one, and a single target, as where one picture is
    optimized, is looked at once as long as it stays the same. Returns (B,). Raises `UserError` if shapes differ,
    `MissingWeights` where F's weights are absent.
    """

    def __init__(
        self,
        features: Factory,
        layers: Mapping[str, float],
        distance: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> None:
        self.layers = dict(layers)
        self.features = View(features, list(self.layers))
        self.theirs = Remembered(self.features)
        self.distance = distance or L1()

    def __call__(self, input: Tensor, target: Tensor) -> Tensor:
        # Here, before the network sees them: two sizes could still pool to features of one size.
        if input.shape != target.shape:
            raise UserError(f"perceptual: input {tuple(input.shape)} and target {tuple(target.shape)} differ in shape")
        theirs, ours = self._of_target(target), self.features(input)
        terms = [weight * self.distance(ours[name], theirs[name]) for name, weight in self.layers.items()]
        return torch.stack(terms).sum(0)

    def depends_on(self) -> str | None:
        return self.features.depends_on()

    @torch.no_grad()
    def _of_target(self, target: Tensor) -> Mapping[str, Tensor]:
        # Batches are new ones in every step, and to compare them would be to wait for the device.
        return self.theirs(target) if len(target) == 1 else self.features(target)
