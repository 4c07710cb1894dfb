"""The training batches of one process: the step-indexed sampler over the training stream."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from henkan.data.sampler import StepIndexedBatches
from henkan.data.stream import TrainingStream, collate
from henkan.errors import UserError
from henkan.training.schedule import Schedule


class Feed(pl.LightningDataModule):
    """Batches from iteration `start` on. `batch_size` is global: the ranks share it."""

    def __init__(
        self,
        stream: TrainingStream,
        schedule: Schedule,
        batch_size: int,
        workers: int,
        start: int,
        repeat: bool = False,
    ) -> None:
        super().__init__()
        self.stream, self.schedule, self.batch_size = stream, schedule, batch_size
        self.workers, self.start, self.repeat = workers, start, repeat

    def first_sample(self, iteration: int) -> tuple[str, int]:
        """Return the counter an iteration draws from, and the number of its first sample."""
        counter, batches = self.schedule.counter(iteration)
        return counter, 0 if self.repeat else batches * self.batch_size

    def train_dataloader(self) -> DataLoader[Any]:
        assert self.trainer is not None
        world = self.trainer.world_size
        if self.batch_size % world:
            raise UserError(f"batch_size={self.batch_size} is global and cannot be split over {world} processes")
        batches = StepIndexedBatches(
            self.first_sample,
            start=self.start,
            stop=len(self.schedule),
            batch_size=self.batch_size,
            rank=self.trainer.global_rank,
            world_size=world,
        )
        return DataLoader(
            self.stream,
            batch_sampler=batches,
            num_workers=self.workers,
            collate_fn=collate,
            pin_memory=torch.cuda.is_available(),
        )
