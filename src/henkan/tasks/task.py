"""What differs between tasks, and nothing else: a plain object without parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

from torch import Tensor

from henkan.sample import Sample

Side = Literal["real", "fake"]


class Task(ABC):
    """Converts between a sample and what the networks see. All pictures are in [0, 1]."""

    scale = 1
    """How many times larger than `source` the generator's answer is."""

    answers = "pictures"
    """What the generator's answer is; one that says what its own are (`answers`) must say the same."""

    drawn_in: str | None = None
    """What of a sample is a drawing on paper that people bring their own of: how wide its lines are is recorded."""

    whole: frozenset[str] = frozenset()
    """What of `condition` is about the whole picture: it has a size of its own, and is never padded."""

    given: Mapping[str, int | None] = MappingProxyType({"source": None})
    """What of a sample a person gives the network, with its channels; null: as many as the config says of sources."""

    @abstractmethod
    def condition(self, sample: Sample) -> dict[str, Tensor]:
        """Return the named inputs that a generator may ask for in the signature of its `forward`."""

    @abstractmethod
    def compose(self, raw: Tensor, sample: Sample) -> Mapping[str, Tensor | Callable[[Sample], Tensor]]:
        """Return `prediction` (the decoded picture) and `output` (put back into a whole picture).

        What is costly and not read in every step is returned as a function of the composed sample.
        """

    @abstractmethod
    def judged(self, key: str, sample: Sample, side: Side) -> Mapping[str, Tensor]:
        """Return what a discriminator may see of the picture `key`: `image`, `condition`, `mask`, `window`.

        What is costly is computed when it is read (`Composed`): not every discriminator looks at everything.
        """

    @abstractmethod
    def panels(self, sample: Sample) -> dict[str, Tensor]:
        """Return the pictures of one sample that a person wants side by side, in order."""
