"""Functions of pictures as terms: arguments are read from the sample by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from henkan.errors import UserError
from henkan.sample import Sample, default_reads, described, named_arguments, read
from henkan.terms.step import Step
from henkan.terms.term import Loss, Need


@runtime_checkable
class Dependent(Protocol):
    """A function whose settings do not tell all that its values depend on."""

    def depends_on(self) -> str | None:
        """Return as `Loss.depends_on` does."""
        ...


class Function(Loss):
    """A callable whose arguments are filled from the sample as `reads` says (argument -> key; by default its own name,
    and `input` reads `output`).

    It returns one value per picture, a scalar where the objective is one of the batch, or None where a sample gives it
    nothing to compare.
    """

    def __init__(self, name: str, function: Callable[..., Any], reads: Mapping[str, str] | None = None) -> None:
        self.name, self.function = name, function
        self.reads = dict(reads or default_reads(function))

    @cached_property
    def arguments(self) -> dict[str, bool]:
        """The names of the function's arguments, and whether each must be given."""
        return named_arguments(self.function)

    def needs(self, network: str, stream: str, against: str) -> Mapping[str, Need]:
        return {stream: Need.GRADIENT} if network == "generator" else {}

    def for_generator(self, step: Step) -> Tensor:
        return self.value(step.sample)

    def value(self, sample: Sample) -> Tensor:
        """Return the function's value on a sample. Raises `UserError` where it is no tensor."""
        value: Tensor | None = self.function(**read(self.name, self.arguments, self.reads, sample))
        if value is not None and not isinstance(value, Tensor):
            raise UserError(
                f"loss.{self.name} returns {described(value)}: a tensor is wanted, through which a gradient goes"
            )
        return sample["raw"].new_zeros(()) if value is None else value

    def depends_on(self) -> str | None:
        return self.function.depends_on() if isinstance(self.function, Dependent) else None

    def to(self, device: torch.device) -> None:
        if isinstance(self.function, nn.Module):
            self.function.to(device)
