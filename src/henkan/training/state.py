"""What a checkpoint holds, by name: plain containers, numbers, words and tensors, nothing that would have to be run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Required, TypedDict

if TYPE_CHECKING:
    # A report is written without it.
    from torch import Tensor


class BalanceState(TypedDict):
    """What weights by balance to come depend on; see `henkan.training.balance.Balance`."""

    phase: str | None
    updates: int
    batches: int
    means: dict[str, Tensor]
    squares: dict[str, Tensor]
    sums: dict[str, Tensor]


class TallyState(TypedDict):
    """Values of iterations that the next row of the curves is the mean of; see `henkan.training.tally.Tally`."""

    sums: dict[str, Tensor]
    counts: dict[str, int]
    kept: dict[str, list[Tensor]]


class UpdaterState(TypedDict, total=False):
    """What the next step of each network depends on beside its weights: what PyTorch keeps, by the network's name."""

    optimizers: dict[str, dict[str, Any]]
    schedulers: dict[str, dict[str, Any]]
    gradients: dict[str, dict[str, Tensor | None]]


class State(UpdaterState, total=False):
    """A checkpoint, as it lies on disk; see `henkan.training.checkpoint`.

    Nothing but `state_dict` is sure to be there: a model file, or weights of other code, have it and what is known of
    their origin.
    """

    state_dict: Required[dict[str, Tensor]]
    iteration: int
    phase: str
    # Name, iterations, networks and terms of each phase so far; see `Schedule.until`.
    phases: list[list[Any]]
    balance: BalanceState
    tally: TallyState
    # The run that it is of, or the prefix that it ends.
    identity: str | None
    # The text of metrics.csv up to here.
    curves: str
    # What all iterations up to here took.
    seconds: float
