"""What a method without learning is: a generator that has no parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn


class Baseline(nn.Module, ABC):
    """A generator that learns nothing: it is scored as it is, beside those that were trained.

    Pictures of any size are welcome, on any device; answers come on the device of the question.
    """

    multiple = 1

    @abstractmethod
    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Return `raw` and whatever else the method finds; each method names the inputs that it takes."""
