"""What applying a network to a person's own pictures takes, task by task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from omegaconf import DictConfig
from torch import nn

from henkan.transform import Transform


class Predictor(ABC):
    """Applies a generator to pictures in files, for one task.

    `cfg` is what `henkan predict` was given (its own keys: mask, megapixels, …), `trained` the config of the run.
    """

    def __init__(self, network: nn.Module, transform: Transform, cfg: DictConfig, trained: DictConfig) -> None:
        self.network, self.transform, self.cfg, self.trained = network, transform, cfg, trained
        self.device = next((tensor.device for tensor in network.state_dict().values()), torch.device("cpu"))
        self.budget = int(cfg.megapixels * 1e6)

    def expect(self, pictures: Sequence[Path]) -> list[Path]:
        """Say which other files belong to the pictures. Raises `UserError` where that cannot be."""
        return []

    @property
    def endings(self) -> tuple[str, ...]:
        """The endings of what is written for each picture."""
        return (".png",)

    @abstractmethod
    def __call__(self, path: Path) -> Iterator[tuple[str, bytes]]:
        """Yield what is to be written for one picture: ending and content. Raises `UserError` naming it."""
