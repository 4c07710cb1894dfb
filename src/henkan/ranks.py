"""The processes of a distributed run: which one this is, who speaks, and sums over them."""

from __future__ import annotations

import sys
from typing import Any

import torch
import torch.distributed as dist
from pytorch_lightning.utilities import rank_zero_only
from torch import Tensor


def is_first_rank() -> bool:
    """Whether this process is the one that writes; known before Lightning's trainer exists."""
    return getattr(rank_zero_only, "rank", 0) == 0


def say(message: str) -> None:
    """Tell a person something, on stderr, once however many processes there are."""
    if is_first_rank():
        print(f"henkan: {message}", file=sys.stderr, flush=True)


def own_rank() -> int:
    """Return which of the processes that train together this is."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def world_size() -> int:
    """Return how many processes train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


@torch.no_grad()
def summed(values: Tensor) -> Tensor:
    """Return the elementwise sum of every rank's `values`, without a gradient."""
    if world_size() == 1:
        return values
    total = values.clone()
    dist.all_reduce(total)
    return total


def sum_over_ranks(values: Tensor) -> Tensor:
    """Return the elementwise sum of every rank's `values`, or `values` themselves in a run of one process.

    The gradient is that of the sum of all ranks' losses: each rank's incoming gradient, summed over ranks. So
    every rank has to call this, and to run backward through it, equally often.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return values
    total: Tensor = _SumOverRanks.apply(values)
    return total


class _SumOverRanks(torch.autograd.Function):
    # PyTorch's own differentiable all_reduce is deprecated, and its successor is private.

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (gradient,) = gradients
        return sum_over_ranks(gradient)
