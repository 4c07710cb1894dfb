"""The exponential moving average of the generator, and of nothing else."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from henkan.errors import UserError


class Average(nn.Module):
    """A copy of the generator whose weights follow it: θ' ← d·θ' + (1 − d)·θ, once a generator update.

    Buffers (batch statistics) follow in the same way where they are floating point, and are copied where they count.
    """

    def __init__(self, generator: nn.Module, decay: float) -> None:
        super().__init__()
        if not 0.0 <= decay < 1.0:
            raise UserError(f"average.decay={decay} must lie in [0, 1)")
        self.decay = decay
        self.network = copy.deepcopy(generator).eval().requires_grad_(False)

    def train(self, mode: bool = True) -> Average:
        """Stay in evaluation mode: the average is never trained."""
        return super().train(False)

    @torch.no_grad()
    def update(self, generator: nn.Module) -> None:
        followers: list[Tensor] = []
        leaders: list[Tensor] = []
        for mine, theirs in zip(
            (*self.network.parameters(), *self.network.buffers()),
            (*generator.parameters(), *generator.buffers()),
            strict=True,
        ):
            if mine.is_floating_point():
                followers.append(mine)
                leaders.append(theirs.detach())
            else:
                mine.copy_(theirs)
        torch._foreach_lerp_(followers, leaders, 1.0 - self.decay)
