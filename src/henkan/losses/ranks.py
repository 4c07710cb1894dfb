"""Sums over the processes of a distributed run, through which gradients flow."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


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
