"""Means of logged values over the iterations since the last log step, kept on the device until they are read."""

from __future__ import annotations

import torch
import torch.distributed
from torch import Tensor

from henkan.errors import TrainingFailed


class Tally:
    """Sums named scalars without synchronizing, and remembers the first iteration at which a loss was not finite."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}
        self.bad: dict[str, Tensor] = {}

    def add(self, name: str, value: Tensor) -> None:
        value = value.detach().float()
        previous = self.sums.get(name)
        self.sums[name] = value if previous is None else previous + value
        self.counts[name] = self.counts.get(name, 0) + 1

    def watch(self, name: str, value: Tensor, iteration: int) -> None:
        """Note the iteration if `value` is not finite."""
        good = torch.isfinite(value.detach())
        first = self.bad.get(name)
        if first is None:
            first = torch.full_like(good, -1, dtype=torch.int64)
        self.bad[name] = torch.where((first < 0) & ~good, iteration, first)

    def check(self) -> None:
        """Raise `TrainingFailed` if a watched value was not finite, on every rank alike. Synchronizes."""
        if not self.bad:
            return
        never = torch.iinfo(torch.int64).max
        first = torch.stack(list(self.bad.values()))
        first = torch.where(first < 0, never, first)
        if torch.distributed.is_initialized():
            torch.distributed.all_reduce(first, torch.distributed.ReduceOp.MIN)
        for name, iteration in zip(self.bad, first.tolist(), strict=True):
            if iteration < never:
                raise TrainingFailed(
                    f"{name} was NaN or infinite at iteration {iteration}; "
                    "lower the learning rate or the term's weight, clip (optimizer.clip=1.0), or train in 32-true"
                )

    def read(self) -> dict[str, float]:
        """Return the means and start anew; over all ranks where there are several. Synchronizes once."""
        if not self.sums:
            return {}
        names = list(self.sums)
        means = torch.stack([self.sums[name] / self.counts[name] for name in names])
        if torch.distributed.is_initialized():
            torch.distributed.all_reduce(means)
            means /= torch.distributed.get_world_size()
        self.sums, self.counts = {}, {}
        return dict(zip(names, means.tolist(), strict=True))

    def state(self) -> dict[str, dict[str, Tensor] | dict[str, int]]:
        """What must be saved so that the next row is the same after a resume."""
        return {"sums": dict(self.sums), "counts": dict(self.counts)}

    def restore(self, state: dict[str, dict[str, Tensor] | dict[str, int]], device: torch.device) -> None:
        self.sums = {name: torch.as_tensor(value).to(device) for name, value in state["sums"].items()}
        self.counts = {name: int(value) for name, value in state["counts"].items()}
