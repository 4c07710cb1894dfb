"""The training batches of one process: the step-indexed sampler over the training streams, in stretches."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice, pairwise
from typing import Any

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from henkan.data.sampler import StepIndexedBatches
from henkan.data.stream import BROKEN, Item, Streams, TrainingStream, collate_streams
from henkan.training.interruption import ignore_in_worker
from henkan.training.schedule import Schedule

Batch = dict[str, Item]
"""A batch of each stream."""

LONGEST_STRETCH = 10
"""Iterations; short enough for a progress bar."""


class Feed(pl.LightningDataModule):
    """Batches from iteration `start` on. `sizes` says how many samples of each stream; the ranks share them.

    Lightning is given stretches of iterations instead of batches: what it does around each of its steps would take
    several percent of a small network's iteration. A stretch never crosses a multiple of one of `pauses` (iterations
    between rows, validations, checkpoints) or the end of a phase, so that what is due after an iteration is due at
    the end of a stretch. `passed_over` is told of each picture that could not be read and was passed over.
    """

    def __init__(
        self,
        streams: Mapping[str, TrainingStream],
        schedule: Schedule,
        sizes: Mapping[str, int],
        workers: int,
        start: int,
        pauses: Sequence[int] = (),
        repeat: bool = False,
        passed_over: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__()
        self.passed_over = passed_over
        self.streams, self.schedule, self.sizes = Streams(streams), schedule, sizes
        self.workers, self.start, self.repeat = workers, start, repeat
        self.pauses = (*pauses, LONGEST_STRETCH)
        self.waiting = Waiting()
        self.given: Stretches | None = None

    def counter(self, iteration: int) -> tuple[str, int]:
        """Return the counter an iteration draws from, and the number of batches drawn before."""
        counter, batches = self.schedule.counter(iteration)
        return counter, 0 if self.repeat else batches

    def stretches(self) -> list[int]:
        """Return how many iterations each stretch has."""
        stop = len(self.schedule)
        ends = {end for end in self.schedule.ends if end > self.start}
        for every in self.pauses:
            ends.update(range((self.start // every + 1) * every, stop, every))
        edges = [self.start, *sorted(ends)]
        return [end - begin for begin, end in pairwise(edges)]

    def train_dataloader(self) -> Stretches:
        assert self.trainer is not None
        batches = StepIndexedBatches(
            self.counter,
            start=self.start,
            stop=len(self.schedule),
            sizes=self.sizes,
            rank=self.trainer.global_rank,
            world_size=self.trainer.world_size,
        )
        if not self.workers:
            # A loader without workers adds a third of a millisecond a batch.
            drawn = (collate_streams([self.streams[key] for key in keys]) for keys in batches)
            self.given = Stretches(self.told(self.waiting(drawn)), self.stretches())
            return self.given
        loader: DataLoader[Any] = DataLoader(
            self.streams,
            batch_sampler=batches,
            num_workers=self.workers,
            collate_fn=collate_streams,
            worker_init_fn=ignore_in_worker,
            pin_memory=self.trainer.strategy.root_device.type == "cuda",
        )
        self.given = Stretches(self.told(self.waiting(loader)), self.stretches())
        return self.given

    def told(self, batches: Generator[Batch, None, None]) -> Iterator[Batch]:
        """Pass batches on, without what they tell of broken pictures: that is told to whoever wants to know."""
        try:
            for batch in batches:
                for item in batch.values():
                    for message in dict.fromkeys(chain.from_iterable(item.pop(BROKEN, ()))):
                        if self.passed_over is not None:
                            self.passed_over(message)
                yield batch
        finally:
            batches.close()

    def close(self) -> None:
        """Let the data workers end; they ignore the signal that would end them when the interpreter does."""
        if self.given is not None:
            self.given.close()

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Leave it where it is: a stretch is not read yet."""
        return batch


class Stretches:
    """Iterators over the next so many batches each; each must be used up before the next one is."""

    def __init__(self, batches: Iterable[Batch], lengths: Sequence[int]) -> None:
        self.batches, self.lengths = batches, lengths
        self.drawn: Generator[Batch, None, None] | None = None

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[Iterator[Batch]]:
        self.drawn = drawn = self._draw()
        for length in self.lengths:
            yield islice(drawn, length)

    def _draw(self) -> Generator[Batch, None, None]:
        # From, so that closing this one closes what it draws from.
        yield from self.batches

    def close(self) -> None:
        """Draw no more, and let go of what draws, whoever still has one of the iterators."""
        if self.drawn is not None:
            self.drawn.close()


class Waiting:
    """How long it was waited for batches; reading the clock is all that it adds."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, batches: Iterable[Batch]) -> Generator[Batch, None, None]:
        """Pass batches on, and add up the time until each was there."""
        source = iter(batches)
        try:
            while True:
                since = time.perf_counter()
                batch = next(source, None)
                self.seconds += time.perf_counter() - since
                if batch is None:
                    return
                yield batch
        finally:
            # Of an error in a worker the traceback keeps the loader's iterator, and it its workers, which ignore the
            # signal that would end them: the interpreter would wait for them forever.
            if hasattr(source, "_shutdown_workers"):
                source._shutdown_workers()
