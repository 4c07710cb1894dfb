"""Mean squared error weighted by a map of the target: less where lines are thick (Simo-Serra et al. 2016)."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor

from henkan.errors import UserError
from henkan.losses.per_image import difference, per_image_mean


class LossMap(ABC):
    """Weights each pixel by how rare its tone is around it.

    H is the share of the pixels of a window of 2 `reach` + 1 a side, as far as it lies in the picture, whose tone falls
    into the same of `bins` equal bins over [0, 1].
    """

    def __init__(self, reach: int = 2, bins: int = 10) -> None:
        if reach < 0 or bins < 1:
            raise UserError(f"a loss map of reach={reach}, bins={bins}: give 0 or more, and 1 or more")
        self.reach, self.bins = reach, bins

    def __call__(self, target: Tensor) -> Tensor:
        """Return the map of drawings (B, 1, H, W) in [0, 1], of the same shape."""
        return self.weigh(self.share(target))

    @abstractmethod
    def weigh(self, share: Tensor) -> Tensor:
        """Return the weight at a share H."""

    def share(self, target: Tensor) -> Tensor:
        """Return H at each pixel, in (0, 1]. Raises `UserError` for pictures of several channels."""
        if target.shape[1] != 1:
            raise UserError(f"a loss map is of drawings of one channel, not of {target.shape[1]}: set channels=1")
        own = (target.float() * self.bins).long().clamp(0, self.bins - 1)
        layers = F.one_hot(own.squeeze(1), self.bins).permute(0, 3, 1, 2).float()
        side = 2 * self.reach + 1
        around = F.avg_pool2d(layers, side, stride=1, padding=self.reach, count_include_pad=False)
        return around.gather(1, own)


class ExponentialMap(LossMap):
    """w = exp(-H) + 0.5, as the authors' training code has it: 0.8679 on plain areas, 1.4608 at a lone pixel."""

    def weigh(self, share: Tensor) -> Tensor:
        return torch.exp(-share) + 0.5


class ClippedMap(LossMap):
    """w = min(6 exp(-H) - 2, 1), as the paper prints it: 0.2073 on plain areas, 1 where H is at most ln 2."""

    def weigh(self, share: Tensor) -> Tensor:
        return (6.0 * torch.exp(-share) - 2.0).clamp(max=1.0)


class MappedMSE:
    """Mean of w(target) · (input - target)² over each drawing's pixels, w a `LossMap`.

    `input`, `target`: (B, 1, H, W) in [0, 1]. Returns (B,). Raises `UserError` if shapes differ.
    """

    def __init__(self, map: LossMap) -> None:
        self.map = map

    def __call__(self, input: Tensor, target: Tensor) -> Tensor:
        return per_image_mean(self.map(target) * difference(input, target).square())
