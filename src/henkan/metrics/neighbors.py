"""How outputs lie among true pictures: precision and recall, density and coverage, by nearest neighbors of features.

All are of sets: an output is not compared with its own target, but with all of them. Values compare only between sets
of the same number of pictures, of one size, and the same features.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from henkan.metrics import lite0, vgg16
from henkan.metrics.feature_metric import FeatureMetric

Features = Literal["lite0", "vgg16"]
# Rows of a matrix of distances that are there at once: memory grows with the number of pictures, not with its square.
_ROWS = 512


class _Neighbors(FeatureMetric):
    """A score of outputs among targets by the balls that reach from each picture to its `k`-th nearest of its own set.

    `features`: `lite0`, 1280 of EfficientNet-Lite0 (pooled), or `vgg16`, 512 of the authors' VGG-16 (mean of relu5_3).
    Raises `MissingWeights` for `vgg16` if vgg16_oxford.safetensors is absent. NaN for fewer pictures than `minimum`, or
    no more than `k`. Features are taken as directions: their length tells how busy a picture is, and beside the balls
    of a few busy ones, as photographs have them, no other would count. Distances are Euclidean, in float64, without the
    shortcut by products, which would set pictures that are the same apart.
    """

    def __init__(self, k: int, features: Features = "lite0", minimum: int = 100) -> None:
        super().__init__(minimum, least=k + 1)
        self.k = k
        self._pooled = vgg16.pooled if features == "vgg16" else lite0.pooled
        if features == "vgg16":
            vgg16.network()

    def _features(self, images: Tensor) -> Tensor:
        return functional.normalize(self._pooled(images).double())


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
