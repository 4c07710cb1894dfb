"""Which samples an iteration is made of: a function of the iteration alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch.utils.data import Sampler

from henkan.errors import UserError

Key = tuple[str, int]
"""A counter's name, and a place on it."""


class StepIndexedBatches(Sampler[list[Key]]):
    """The keys of the batches of iterations [start, stop), this rank's share of each.

    `counters(t)` returns which counter iteration t draws from and where on it its batch begins; rank r of w
    takes the r-th of w equal parts of the batch. Raises `UserError` if the batch cannot be parted equally.
    """

    def __init__(
        self,
        counters: Callable[[int], Key],
        start: int,
        stop: int,
        batch_size: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if batch_size % world_size:
            raise UserError(f"batch_size={batch_size} cannot be split over {world_size} processes: take a multiple")
        self.counters, self.start, self.stop = counters, start, stop
        self.share = batch_size // world_size
        self.offset = rank * self.share

    def __len__(self) -> int:
        return max(0, self.stop - self.start)

    def __iter__(self) -> Iterator[list[Key]]:
        for iteration in range(self.start, self.stop):
            counter, first = self.counters(iteration)
            yield [(counter, first + self.offset + place) for place in range(self.share)]
