"""The processes of a distributed run: which one this is, who speaks, and sums over them."""

from __future__ import annotations

import os
import sys
from typing import Any, NoReturn

import torch
import torch.distributed as dist
from pytorch_lightning.utilities import rank_zero_only
from torch import Tensor

from henkan import saying

_shared = False


def share(several: bool) -> None:
    """Say whether several processes train the run of this one; only then does what a launcher says of ranks count.

    Under `srun -n8`, each of eight runs of one device is told a rank (SLURM_PROCID), and each is the first of its run.
    """
    global _shared
    _shared = several


def launch() -> str | None:
    """Return what is common to processes that srun or torchrun has started together, or None under neither.

    Lightning's own ranks are started by the first one, when there is something to start from.
    """
    found = [os.environ.get(name) for name in ("TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT")]
    if found[0] is not None and os.environ.get("LOCAL_WORLD_SIZE") == os.environ.get("WORLD_SIZE"):
        # Every run of torchrun is called "none" unless a person names it or says --standalone.
        found.append(str(os.getppid()))
    if found[0] is None:
        found = [os.environ.get(name) for name in ("SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_RESTART_COUNT")]
        if found[0] is None or int(os.environ.get("SLURM_NTASKS", 1)) < 2:
            return None
    return ".".join(filter(None, found))


def is_first_rank() -> bool:
    """Whether this process is the one that writes; known before Lightning's trainer exists."""
    return not _shared or getattr(rank_zero_only, "rank", 0) == 0


def say(message: str) -> None:
    """Tell a person something, on stderr, once however many processes there are."""
    if is_first_rank():
        saying.say(message)


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


def largest_over_ranks(value: int, device: torch.device) -> int:
    """Return the largest of every rank's `value`. Synchronizes where there are several ranks, and only there."""
    if not (dist.is_available() and dist.is_initialized()):
        return value
    largest = torch.tensor(value, device=device)
    dist.all_reduce(largest, dist.ReduceOp.MAX)
    return int(largest)


def leave_the_others() -> None:
    """Take leave of the other ranks: no thread of the group is left then."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def end_rank() -> NoReturn:
    """End a rank that has done its part, without the end of its interpreter.

    In that, a thread of the group that lets go of a tensor late would abort the process ("terminate called without an
    active exception"), and Lightning would kill the first rank for it.
    """
    leave_the_others()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


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
