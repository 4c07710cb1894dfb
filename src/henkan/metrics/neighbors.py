"""How outputs lie among true pictures: precision and recall, density and coverage, by nearest neighbors of features.

All are of sets: an output is not compared with its own target, but with all of them. Values compare only between sets
of the same number of pictures, of one size, and the same features.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from henkan.metrics import lite0, vgg16
from henkan.metrics.per_image import exact, require_pair
from henkan.metrics.set_metric import SetMetric

Features = Literal["lite0", "vgg16"]
# Rows of a matrix of distances that are there at once: memory grows with the number of pictures, not with its square.
_ROWS = 512


class _Neighbors(SetMetric):
    """A score of outputs among targets by the balls that reach from each picture to its `k`-th nearest of its own set.

    `features`: `lite0`, 1280 of EfficientNet-Lite0 (pooled), or `vgg16`, 512 of the authors' VGG-16 (mean of relu5_3).
    Raises `MissingWeights` for `vgg16` if vgg16_oxford.safetensors is absent. NaN for fewer pictures than `minimum`, or
    no more than `k`. Features are taken as directions: their length tells how busy a picture is, and beside the balls
    of a few busy ones, as photographs have them, no other would count. Distances are Euclidean, in float64, without the
    shortcut by products, which would set pictures that are the same apart.
    """

    def __init__(self, k: int, features: Features = "lite0", minimum: int = 100) -> None:
        self.k, self.minimum = k, minimum
        self._features: Callable[[Tensor], Tensor] = vgg16.pooled if features == "vgg16" else _lite0
        if features == "vgg16":
            vgg16.network()
        self.reset()

    def reset(self) -> None:
        self._outputs: list[Tensor] = []
        self._targets: list[Tensor] = []

    @exact
    def update(self, output: Tensor, target: Tensor) -> None:
        """Take in pictures (B, 3, H, W) in [0, 1] and true ones."""
        require_pair(output, target)
        for images, found in ((output, self._outputs), (target, self._targets)):
            found.append(functional.normalize(self._features(images).double()).cpu())

    def compute(self) -> float:
        count = sum(map(len, self._outputs))
        if count < max(self.minimum, self.k + 1):
            return float("nan")
        return self._score(torch.cat(self._outputs), torch.cat(self._targets))

    @abstractmethod
    def _score(self, outputs: Tensor, targets: Tensor) -> float:
        """Return the score of features (N, D) and (N, D)."""


class Precision(_Neighbors):
    """How many outputs look like true pictures: the share that lies in the ball of any target.

    Improved precision (Kynkäänniemi et al., 2019, eq. 1 and 2), k = 3 as there. In [0, 1], 1 is best.
    """

    def __init__(self, k: int = 3, features: Features = "lite0", minimum: int = 100) -> None:
        super().__init__(k, features, minimum)

    def _score(self, outputs: Tensor, targets: Tensor) -> float:
        return _mean(inside.any(1) for inside in _inside(outputs, targets, self.k))


class Recall(_Neighbors):
    """How much of what true pictures look like is there: the share of targets that lies in the ball of any output.

    Improved recall (Kynkäänniemi et al., 2019), k = 3 as there. In [0, 1], 1 is best. A collapsed set loses it.
    """

    def __init__(self, k: int = 3, features: Features = "lite0", minimum: int = 100) -> None:
        super().__init__(k, features, minimum)

    def _score(self, outputs: Tensor, targets: Tensor) -> float:
        return _mean(inside.any(1) for inside in _inside(targets, outputs, self.k))


class Density(_Neighbors):
    """In how many targets' balls an output lies, in the mean, over k: precision that no single odd target decides.

    Naeem et al., 2020, eq. 3, k = 5 as there. From 0 on, 1 in the mean for sets of one distribution.
    """

    def __init__(self, k: int = 5, features: Features = "lite0", minimum: int = 100) -> None:
        super().__init__(k, features, minimum)

    def _score(self, outputs: Tensor, targets: Tensor) -> float:
        return _mean(inside.sum(1) for inside in _inside(outputs, targets, self.k)) / self.k


class Coverage(_Neighbors):
    """How many true pictures have an output near them: the share of targets whose ball has one in it.

    Naeem et al., 2020, eq. 4, k = 5 as there. In [0, 1], 1 is best. A set that has collapsed loses it.
    """

    def __init__(self, k: int = 5, features: Features = "lite0", minimum: int = 100) -> None:
        super().__init__(k, features, minimum)

    def _score(self, outputs: Tensor, targets: Tensor) -> float:
        found = torch.zeros(len(targets), dtype=torch.bool)
        for inside in _inside(outputs, targets, self.k):
            found |= inside.any(0)
        return float(found.double().mean())


def _lite0(images: Tensor) -> Tensor:
    return lite0.activations(images)["pooled"]


def _inside(points: Tensor, centers: Tensor, k: int) -> Iterator[Tensor]:
    """Yield by rows whether points lie in the balls of centers, up to each one's k-th nearest: (rows, centers)."""
    # Each is its own nearest.
    reach = torch.cat([_distances(rows, centers).kthvalue(k + 1, 1).values for rows in torch.split(centers, _ROWS)])
    for rows in torch.split(points, _ROWS):
        yield _distances(rows, centers) <= reach


def _distances(ours: Tensor, theirs: Tensor) -> Tensor:
    return torch.cdist(ours, theirs, compute_mode="donot_use_mm_for_euclid_dist")


def _mean(parts: Iterator[Tensor]) -> float:
    return float(torch.cat(list(parts)).double().mean())
