"""What training asks of the run that it is part of."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, Protocol

from henkan.training.state import State

Row = Mapping[str, float | int | str]
# How a run ends.
Ended = Literal["done", "stopped", "interrupted", "failed"]


class Recorder(Protocol):
    """Keeps what it is told. `henkan.runs.run.Run` is one; only the first rank tells it anything."""

    @property
    def rows(self) -> Sequence[Row]:
        """The curves so far."""

    def add_row(self, row: Row) -> None:
        """Add values of one iteration to the curves."""

    def warn(self, message: str) -> None:
        """Tell a person, and keep it in the record."""

    def save(self, state: State, keep: bool = False, for_good: bool = False) -> None:
        """Write the checkpoint that the run goes on from; with `keep` it stays when others follow, until it is dropped.

        What is kept `for_good` is not dropped.
        """

    def kept(self) -> set[int]:
        """Return the iterations whose checkpoints stay."""

    def drop(self, iterations: Collection[int]) -> None:
        """Remove the checkpoints of these iterations, the last one and those kept for good excepted."""

    def offer(self, identity: str, state: State, judged: bool) -> None:
        """Offer the state at a phase boundary to other runs; `judged`: a discriminator has been trained."""
