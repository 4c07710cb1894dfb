"""Style: which features of a picture occur together, wherever in it that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from henkan.errors import UserError
from henkan.pretrained.gram import gram
from henkan.pretrained.shared import Factory, Remembered, View


class Style:
    """Weighted sum over layers of the distance between the Gram matrices of two pictures' features (Gatys et al. 2016).

    G = F Fᵀ / (N M) for a layer's N features at M positions, and A the same of the style picture, so that pictures of
    different sizes compare. Their distance is ¼ Σ (G - A)² in the paper's `normalization` (its 1 / (4 N² M²), where
    sizes are the same), and with `elements` the mean over the N² entries (neural-style, Johnson et al. 2016), which is
    4 / N² of that. A layer's weight multiplies its distance, never its features.

    `features` and `layers` as in `henkan.losses.perceptual.Perceptual`. `input`, `style`: (B, 3, h, w) in [0, 1], of
    any sizes. No gradient reaches the style picture, which is looked at once. Returns (B,). Raises `UserError` for a
    style picture smaller than one pixel of the deepest layer, `MissingWeights` where the network's weights are absent.
    """

    def __init__(
        self,
        features: Factory,
        layers: Mapping[str, float],
        normalization: Literal["paper", "elements"] = "elements",
    ) -> None:
        if normalization not in ("paper", "elements"):
            raise UserError(f"style: normalization={normalization} must be paper or elements")
        self.layers, self.normalization = dict(layers), normalization
        self.features = View(features, list(self.layers))
        self.wanted = Remembered(self._wanted)

    def __call__(self, input: Tensor, style: Tensor) -> Tensor:
        theirs = self.wanted(style)
        ours = self.features(input)
        terms = [weight * self.distance(gram(ours[name]), theirs[name]) for name, weight in self.layers.items()]
        return torch.stack(terms).sum(0)

    def depends_on(self) -> str | None:
        return self.features.depends_on()

    def distance(self, ours: Tensor, theirs: Tensor) -> Tensor:
        """Return the distance of Gram matrices (B, N, N), (B,)."""
        squares = (ours - theirs).square().flatten(1)
        return squares.sum(1) / 4.0 if self.normalization == "paper" else squares.mean(1)

    def _wanted(self, style: Tensor) -> dict[str, Tensor]:
        height, width = style.shape[-2:]
        stride = self.features.stride()
        if min(height, width) < stride:
            raise UserError(
                f"the style picture has {width}x{height} pixels, and the deepest of {', '.join(self.layers)} makes one "
                f"of {stride}x{stride}: give a larger picture"
            )
        found = self.features(style)
        if flat := [name for name, value in found.items() if value.ndim != 4]:
            raise UserError(f"style: layer {flat[0]} is a vector, not a map: name one before it")
        return {name: gram(value) for name, value in found.items()}
