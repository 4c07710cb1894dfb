"""Means of logged values over the iterations since the last log step, left on the device until they are read."""

from __future__ import annotations

import torch
import torch.distributed
from torch import Tensor

from henkan.errors import TrainingFailed
from henkan.ranks import summed, world_size
from henkan.training.state import TallyState

# Values a name keeps before they are summed.
KEPT = 64


class Tally:
    """Keeps named scalars without touching them, and finds the first iteration at which a loss was not finite.

    Scalars are kept as they come and only summed when there are many or they are read: an operation on each would be
    as slow as one on a picture.
    """

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}
        self.kept: dict[str, list[Tensor]] = {}
        self.watched: list[tuple[str, int, Tensor]] = []

    def add(self, name: str, value: Tensor) -> None:
        kept = self.kept.setdefault(name, [])
        kept.append(value.detach())
        if len(kept) == KEPT:
            self.sum_up(name)

    def sum_up(self, name: str) -> None:
        """Add what is kept of `name` to its sum."""
        if kept := self.kept.pop(name, None):
            total = torch.stack(kept).float().sum()
            self.sums[name] = self.sums[name] + total if name in self.sums else total
            self.counts[name] = self.counts.get(name, 0) + len(kept)

    def watch(self, name: str, value: Tensor, iteration: int) -> None:
        """Have `check` see whether `value` is finite."""
        self.watched.append((name, iteration, value.detach()))

    def check(self) -> None:
        """Raise `TrainingFailed` if a watched value was not finite, on every rank alike. Synchronizes."""
        if not self.watched:
            return
        names, iterations, values = zip(*self.watched, strict=True)
        self.watched = []
        never = torch.iinfo(torch.int64).max
        finite = torch.isfinite(torch.stack(values))
        when = torch.where(finite, never, torch.tensor(iterations, device=finite.device))
        # Ranks watch the same names at the same iterations.
        if torch.distributed.is_initialized():
            torch.distributed.all_reduce(when, torch.distributed.ReduceOp.MIN)
        iteration, name = min(zip(when.tolist(), names, strict=True))
        if iteration < never:
            raise TrainingFailed(
                f"{name} was NaN or infinite at iteration {iteration}; "
                "lower the learning rate or the term's weight, clip (optimizer.clip=1.0), or train in 32-true"
            )

    def read(self) -> dict[str, float]:
        """Return the means and start anew; over all ranks where there are several. Synchronizes once."""
        for name in list(self.kept):
            self.sum_up(name)
        if not self.sums:
            return {}
        names = list(self.sums)
        means = torch.stack([self.sums[name] / self.counts[name] for name in names])
        means = summed(means) / world_size()
        self.sums, self.counts = {}, {}
        return dict(zip(names, means.tolist(), strict=True))

    def share(self) -> None:
        """Let every rank have the mean of all: what is saved is the first one's, and all go on from it.

        All ranks call this at the same iteration. In one process nothing changes.
        """
        if world_size() == 1:
            return
        for name in list(self.kept):
            self.sum_up(name)
        if self.sums:
            means = summed(torch.stack(list(self.sums.values()))) / world_size()
            self.sums = dict(zip(self.sums, means.unbind(), strict=True))

    def state(self) -> TallyState:
        """What must be saved so that the next row is the same after a resume, to the bit: what is kept stays apart."""
        kept = {name: list(values) for name, values in self.kept.items()}
        return {"sums": dict(self.sums), "counts": dict(self.counts), "kept": kept}

    def restore(self, state: TallyState, device: torch.device) -> None:
        self.sums = {name: value.to(device) for name, value in state["sums"].items()}
        self.counts = dict(state["counts"])
        self.kept = {name: [value.to(device) for value in values] for name, values in state["kept"].items()}
