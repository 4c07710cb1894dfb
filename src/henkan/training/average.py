"""The exponential moving average of the generator, and of nothing else."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from henkan.errors import UserError


class Average(nn.Module):
    """A copy of the generator whose weights follow it: θ' ← d·θ' + (1 − d)·θ, once a generator update.

    After n updates d is min(decay, (1 + n) / (10 + n)), as in TensorFlow's ExponentialMovingAverage: with a decay of
    0.999 alone, 61 % of what is scored after 500 updates would be the random start. Buffers (batch statistics) follow
    in the same way where they are floating point, and are copied where they count.
    """

    def __init__(self, generator: nn.Module, decay: float) -> None:
        super().__init__()
        if not 0.0 <= decay < 1.0:
            raise UserError(f"average.decay={decay} must lie in [0, 1)")
        self.decay = decay
        self.network = copy.deepcopy(generator).eval().requires_grad_(False)
        self._pairs: Pairs | None = None

    def train(self, mode: bool = True) -> Average:
        """Stay in evaluation mode: the average is never trained."""
        return super().train(False)

    @torch.no_grad()
    def update(self, generator: nn.Module, updates: int) -> None:
        """Follow the generator, which had `updates` updates before the one just taken."""
        if self._pairs is None:
            # Walking through the modules takes longer than the arithmetic, so it is done once.
            self._pairs = Pairs(self.network, generator)
        torch._foreach_lerp_(self._pairs.followers, self._pairs.leaders, 1.0 - self.decay_after(updates))
        for mine, theirs in self._pairs.counters:
            mine.copy_(theirs)

    def decay_after(self, updates: int) -> float:
        """Return d after so many updates."""
        return min(self.decay, (1 + updates) / (10 + updates))

    def _apply(self, *arguments: Any, **keywords: Any) -> Any:
        # Another device or type: the tensors are others now.
        self._pairs = None
        return super()._apply(*arguments, **keywords)  # type: ignore[no-untyped-call]


class Pairs:
    """The tensors of a network and of its average, side by side: those that follow, and those that are copied."""

    def __init__(self, average: nn.Module, network: nn.Module) -> None:
        own, others = ((*module.parameters(), *module.buffers()) for module in (average, network))
        pairs = [(mine.detach(), theirs.detach()) for mine, theirs in zip(own, others, strict=True)]
        self.followers = [mine for mine, _ in pairs if mine.is_floating_point()]
        self.leaders = [theirs for mine, theirs in pairs if mine.is_floating_point()]
        self.counters = [(mine, theirs) for mine, theirs in pairs if not mine.is_floating_point()]
