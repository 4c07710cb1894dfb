"""Which samples an iteration is made of: a function of the iteration alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from torch.utils.data import Sampler

from henkan.errors import UserError

Key = tuple[str, str, int]
"""A stream's name, a counter's name, and a position on it."""


class StepIndexedBatches(Sampler[list[Key]]):
    """The keys of the batches of iterations [start, stop), this rank's share of each.

    `counters(t)` returns which counter iteration t draws from and how many batches that has given before, `sizes` how
    many samples of each stream a batch has; rank r of w takes the r-th of w equal parts of each. Raises `UserError` if
    a batch cannot be parted equally.
    """

    def __init__(
        self,
        counters: Callable[[int], tuple[str, int]],
        start: int,
        stop: int,
        sizes: Mapping[str, int],
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        for stream, size in sizes.items():
            if size % world_size:
                raise UserError(
                    f"a batch of {size} samples of the stream {stream} cannot be split over {world_size} processes: "
                    "take a multiple (batch_size is global)"
                )
        self.counters, self.start, self.stop = counters, start, stop
        self.sizes, self.rank, self.world_size = dict(sizes), rank, world_size

    def __len__(self) -> int:
        return max(0, self.stop - self.start)

    def __iter__(self) -> Iterator[list[Key]]:
        for iteration in range(self.start, self.stop):
            counter, batches = self.counters(iteration)
            yield [
                (stream, counter, batches * size + self.rank * (size // self.world_size) + position)
                for stream, size in self.sizes.items()
                for position in range(size // self.world_size)
            ]
