"""Penalties on the slope of a discriminator at its inputs.

Always in full precision, whatever the run's: squared gradients of half-precision networks are mostly
rounding. (A penalty's own gradient belongs to the step's backward pass: float32 too, but on a GPU TF32 counts
there.) The slope is taken of the sum of an image's logits (of all patches, as is customary: with a patch
discriminator the coefficients have to be smaller) with respect to what is judged, as one vector: `image` and,
where the discriminator looks at one, `window`. Not with respect to `condition` and `mask`: they are given, to
real and fake alike, and no generator could move along them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from henkan.errors import UserError
from henkan.losses.per_image import full_precision
from henkan.networks.answers import said
from henkan.precision import in_float32
from henkan.terms.step import Step
from henkan.terms.term import Loss, Need

Judged = Mapping[str, Tensor]
Discriminator = Callable[..., tuple[Tensor, list[Tensor]]]

JUDGED_IMAGES = ("image", "window")


class Penalty(Loss, ABC):
    """A term that the discriminator's own updates add; its weight stands there.

    Lazy (Karras et al., 2020): evaluated in each `every`-th update of D and multiplied by `every`, so that its average
    strength does not depend on `every`. The value that is logged is the penalty itself.
    """

    teaches = ()
    weighs = ("discriminator",)
    judges = True
    second_order = True

    every: int = 1
    across_images: bool = False  # whether pictures may have a part in each other's slope, through batch statistics

    def needs(self, network: str, stream: str, against: str) -> Mapping[str, Need]:
        return {against: Need.TARGET, stream: Need.OUTPUT} if network == "discriminator" else {}

    def for_discriminator(self, step: Step) -> Tensor | None:
        if not step.weight or step.updates % self.every:
            return None
        judge = step.judge
        penalty = self(judge.discriminator, judge.shown(step.against, "real"), judge.shown(step.stream, "fake"))
        step.log(f"discriminator/{step.name}", penalty.mean())
        return step.weight * self.every * penalty

    def check(self, discriminator: nn.Module) -> None:
        if not self.across_images:
            refuse_batch_statistics(discriminator)

    @abstractmethod
    def __call__(self, discriminator: Discriminator, real: Judged, fake: Judged) -> Tensor:
        """Return the penalty per image (B,), not yet multiplied by `every`.

        `discriminator` is called as `discriminator(**judged)` and returns (logits, features); `real` and
        `fake` are what it judges: `image` (B, 3, H, W) and perhaps `condition`, `mask`, `window`. Its
        gradient reaches the discriminator's weights only.
        """


class R1(Penalty):
    """gamma/2 · ‖∇D(real)‖² (Mescheder et al., 2018): D is kept flat where the data are."""

    def __init__(self, gamma: float = 10.0, every: int = 16) -> None:
        self.gamma = gamma
        self.every = _at_least_one(every)

    def __call__(self, discriminator: Discriminator, real: Judged, fake: Judged) -> Tensor:
        return slope(discriminator, real).square().sum(1).mul(self.gamma / 2)


class BatchSlope(R1):
    """R1 for a discriminator with batch normalization (Suvorov et al. 2022, LaMa, with gamma/2 = .001 in every step).

    The slope is that of the sum of all logits of the batch: each picture's holds what it does to the logits of others.
    """

    across_images = True


class GradientPenalty(Penalty):
    """coefficient · (‖∇D(x)‖ - target)² between real and fake: the GP of WGAN-GP (Gulrajani et al., 2017).

    x = u·real + (1 - u)·fake with one uniform u per image, from PyTorch's global generator, for all that is
    judged; condition and mask are those of the real side. Raises `UserError` if shapes differ.
    """

    def __init__(self, coefficient: float = 10.0, target: float = 1.0, every: int = 1) -> None:
        self.coefficient = coefficient
        self.target = target
        self.every = _at_least_one(every)

    def __call__(self, discriminator: Discriminator, real: Judged, fake: Judged) -> Tensor:
        share = torch.rand(len(real["image"]), 1, 1, 1, device=real["image"].device)
        mixed = dict(real)
        for name in JUDGED_IMAGES:
            if name in real:
                mixed[name] = _mix(name, real[name], fake[name], share)
        # The norm's gradient at 0 is 0 in PyTorch, not NaN: a flat discriminator is no accident.
        norm: Tensor = torch.linalg.vector_norm(slope(discriminator, mixed), dim=1)
        return (norm - self.target).square().mul(self.coefficient)


def slope(discriminator: Discriminator, judged: Judged) -> Tensor:
    """Return each image's gradient of its summed logits with respect to all judged images, flattened: (B, N).

    Differentiable with respect to the discriminator's weights. An image that the discriminator does not look
    at contributes zeros.
    """
    inputs = {name: full_precision(value.detach()) for name, value in judged.items()}
    points = [inputs[name].requires_grad_() for name in JUDGED_IMAGES if name in inputs]
    # enable_grad: the value can be logged, too, where no gradient is wanted.
    with torch.enable_grad(), in_float32(judged["image"].device.type):
        # A compiled network can be differentiated once only: its `forward` is what it was compiled from.
        logits, _ = said(getattr(discriminator, "forward", discriminator), **inputs)
        gradients = torch.autograd.grad(logits.sum(), points, create_graph=True, materialize_grads=True)
    return torch.cat([gradient.flatten(1) for gradient in gradients], dim=1)


def refuse_batch_statistics(discriminator: nn.Module) -> None:
    """Raise `UserError` if D has batch normalization, with which an image has no slope of its own."""
    for name, module in discriminator.named_modules():
        if isinstance(module, _BatchNorm):
            raise UserError(
                "a gradient penalty needs a discriminator without batch normalization, but "
                f"{name or 'it'} is a {type(module).__name__}: choose another one, or leave the penalty out"
            )


def _mix(name: str, real: Tensor, fake: Tensor, share: Tensor) -> Tensor:
    if real.shape != fake.shape:
        raise UserError(
            f"gradient penalty: real and fake `{name}` differ in shape ({tuple(real.shape)} and {tuple(fake.shape)})"
        )
    real, fake = full_precision(real.detach()), full_precision(fake.detach())
    return fake + share * (real - fake)


def _at_least_one(every: int) -> int:
    if every < 1:
        raise UserError(f"a penalty is evaluated every 1 or more steps, not every {every}")
    return every
