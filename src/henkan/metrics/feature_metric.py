"""The base of metrics that hold the features of a set of outputs against those of their targets."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from henkan.metrics.per_image import exact, require_pair
from henkan.metrics.set_metric import SetMetric


class FeatureMetric(SetMetric):
    """A score of two sets of features, in float64: NaN for fewer pictures than `minimum`, or `least`."""

    def __init__(self, minimum: int, least: int) -> None:
        self.minimum, self.least = minimum, least
        self.reset()

    def reset(self) -> None:
        self._outputs: list[Tensor] = []
        self._targets: list[Tensor] = []

    @exact
    def update(self, output: Tensor, target: Tensor) -> None:
        """Take in pictures (B, 3, H, W) in [0, 1] and true ones."""
        require_pair(output, target)
        self._outputs.append(self._features(output).double().cpu())
        self._targets.append(self._features(target).double().cpu())

    def compute(self) -> float:
        if sum(map(len, self._outputs)) < max(self.minimum, self.least):
            return float("nan")
        return self._score(torch.cat(self._outputs), torch.cat(self._targets))

    @abstractmethod
    def _features(self, images: Tensor) -> Tensor:
        """Return the features (B, D) of pictures."""

    @abstractmethod
    def _score(self, outputs: Tensor, targets: Tensor) -> float:
        """Return the score of features (N, D) and (N, D)."""
