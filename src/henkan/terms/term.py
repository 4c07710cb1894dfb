"""What a term is: one named loss, its weight, and what the training loop asks of it.

The loop knows no kinds of terms. It asks each which streams it needs (`needs`), for the generator's loss
(`for_generator`) and for the discriminator's (`for_discriminator`); what else is worth a curve, a term logs itself.
A function of pictures becomes one by itself (see `henkan.terms.function`); another kind is a subclass of `Loss`, in
this package or out of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Tensor, nn

from henkan.sample import PAIRED
from henkan.terms.step import Step


class Need(IntEnum):
    """What an iteration needs of a stream."""

    TARGET = 0
    """Its clean pictures alone: the generator does not see it."""
    OUTPUT = 1
    """The generator's output, to look at or for the discriminator: it leaves no trace in the generator."""
    GRADIENT = 2
    """The generator's output, through which a loss goes back."""


class Loss:
    """Answers for itself what the training loop has to know. What a subclass does not override is: nothing of that."""

    teaches: tuple[str, ...] = ("generator",)
    """The networks that it has something to tell; one that no term of a phase teaches is not updated."""
    weighs: tuple[str, ...] = ("generator",)
    """The networks in whose loss its weight stands."""
    judges: bool = False
    """Whether it needs a discriminator."""
    compares: bool = False
    """Whether the generator's loss needs what the discriminator says of real pictures, too."""
    second_order: bool = False
    """Whether its gradient goes through a gradient of the discriminator."""
    fake: str | None = None
    """The picture of a sample that its discriminator is shown as made, `output` say; None where it takes any."""
    discriminator_updates: int = 1
    """How many updates of the discriminator, each on a fresh batch, it wants for one of the generator."""

    def needs(self, network: str, stream: str, against: str) -> Mapping[str, Need]:
        """Return what it needs of which streams when `network` is updated; nothing: it has no part in that."""
        return {}

    def for_generator(self, step: Step) -> Tensor | None:
        """Return the generator's unweighted loss: one value per image, or a scalar."""
        return None

    def for_discriminator(self, step: Step) -> Tensor | None:
        """Return what is added to the discriminator's loss, weighted by itself where it `weighs` there."""
        return None

    def depends_on(self) -> str | None:
        """Return a hash of what its values depend on beside its settings, as weights out of a file; None: nothing."""
        return None

    def check(self, discriminator: nn.Module) -> None:
        """Raise `UserError` for a discriminator that it cannot work with."""

    def to(self, device: torch.device) -> None:
        """Move what it holds."""


@dataclass(frozen=True)
class Term:
    """One named loss of a run.

    `stream` names the stream that it is about; real pictures for a discriminator come from the stream `against`.
    With `balance` its weight follows the gradients: its pull is that share of the other terms' (`training.balance`).
    """

    name: str
    loss: Loss
    weight: float = 1.0
    stream: str = PAIRED
    against: str = PAIRED
    balance: float | None = None

    @property
    def pulls(self) -> bool:
        """Whether the generator feels it."""
        return self.weight != 0 or self.balance is not None

    def needs(self, network: str) -> Mapping[str, Need]:
        return self.loss.needs(network, self.stream, self.against)
