"""Drawing again what is known as pixels only: warped copies laid over each other. Batched, as the page's operators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from henkan.data.operator import Range
from henkan.degradations.noise import clouds, white
from henkan.degradations.page import PageOperator, displaced


class TraceOperator(PageOperator):
    """A step that stands for the hand's."""


@dataclass(frozen=True, kw_only=True)
class Copies(TraceOperator):
    """Lay `passes` copies over each other, each displaced by about `offset` and bent by `amplitude` over `wavelength`.

    In every copy a share of about `gaps` of the line is missing.
    """

    passes: Range
    offset: Range
    amplitude: Range
    wavelength: Range
    gaps: Range
    counts: ClassVar[tuple[str, ...]] = ("passes",)
    lengths: ClassVar[tuple[str, ...]] = ("offset", "amplitude")

    def __call__(
        self,
        page: Tensor,
        seeds: Tensor,
        *,
        passes: Tensor,
        offset: Tensor,
        amplitude: Tensor,
        wavelength: Tensor,
        gaps: Tensor,
    ) -> Tensor:
        height, width = page.shape[-2:]
        side, ink = max(height, width), 1.0 - page
        waves = wavelength.view(-1)
        total = torch.zeros_like(ink)
        for number in range(int(self.ranges()["passes"][1])):
            seed = seeds + 10 * number
            shift = offset * side * 2.0 * (white(seed, 1, 1, 2) * 2.0 - 1.0)
            bend = amplitude * side * clouds(seed + 1, waves, height, width, channels=2)
            copy = displaced(ink, shift + bend)
            there = clouds(seed + 2, waves, height, width)
            # Normal noise lies below -2 + 4 g for about that share, steeply enough between.
            copy = copy * ((there + 2.0 - 4.0 * gaps) * 4.0).clamp(0.0, 1.0)
            total = torch.where(passes > number, torch.maximum(total, copy), total)
        return 1.0 - total


@dataclass(frozen=True, kw_only=True)
class Uneven(TraceOperator):
    """Let the line be `strength` dark on average, varying by `depth` over `wavelength`."""

    strength: Range
    depth: Range
    wavelength: Range

    def __call__(self, page: Tensor, seeds: Tensor, *, strength: Tensor, depth: Tensor, wavelength: Tensor) -> Tensor:
        waves = clouds(seeds, wavelength.view(-1), *page.shape[-2:])
        pressure = (strength * (1.0 + depth * waves)).clamp(0.0, 1.0)
        return 1.0 - (1.0 - page) * pressure
