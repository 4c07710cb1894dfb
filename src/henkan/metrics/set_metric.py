"""The base of metrics that score a whole set of pictures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any


class SetMetric(ABC):
    """A score of a whole set of pictures, which can never end a run.

    `minimum` is the number of pictures below which the score says nothing; `compute` then returns NaN.
    `update` takes named tensors (B, ...) as a per-image metric does.
    """

    minimum: int

    @abstractmethod
    def reset(self) -> None:
        """Forget all pictures."""

    @abstractmethod
    def update(self, *args: Any, **kwargs: Any) -> None:
        """Take in a batch of pictures."""

    @abstractmethod
    def compute(self) -> float:
        """Return the score of all pictures taken in since `reset`, NaN for fewer than `minimum`."""
