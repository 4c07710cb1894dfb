"""Learning rates of one stage after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, SequentialLR


class InTurn(SequentialLR):
    """Follows each of some schedulers in turn: the next one takes over after so many updates, the numbers in `after`,
    begins with the optimizer's own rate, and counts from there.
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[Callable[[Optimizer], LRScheduler]], after: Sequence[int]
    ) -> None:
        super().__init__(optimizer, [make(optimizer) for make in schedulers], list(after))
