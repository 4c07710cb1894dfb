"""Adversarial objectives: what the discriminator minimizes and what the generator minimizes, in one object.

r and f are the discriminator's logits (no sigmoid) of real and fake pictures, of any shape (B, ...): one per
picture, or a map of patches, whose losses are averaged. Half precision is raised to float32. Both formulas
return one value per image, (B,).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from henkan.errors import UserError
from henkan.losses.per_image import full_precision, per_image_mean
from henkan.ranks import sum_over_ranks
from henkan.terms.step import Step
from henkan.terms.term import Loss, Need


class Adversarial(Loss, ABC):
    """Both sides of one objective, so that they cannot disagree. Its weight is the generator's."""

    teaches = ("generator", "discriminator")
    judges = True
    fake: str = "output"

    def needs(self, network: str, stream: str, against: str) -> Mapping[str, Need]:
        return {against: Need.TARGET, stream: Need.GRADIENT if network == "generator" else Need.OUTPUT}

    def for_generator(self, step: Step) -> Tensor:
        if self.compares:
            verdict = step.verdict()
            return self.generator(verdict.fake, verdict.real)
        return self.generator(step.fake_logits())

    def for_discriminator(self, step: Step) -> Tensor:
        verdict = step.verdict()
        step.log_scores(verdict, self.boundary(verdict.real.detach(), verdict.fake.detach()))
        value = self.discriminator(verdict.real, verdict.fake)
        step.log(f"discriminator/{step.name}", value.mean())
        return value

    @abstractmethod
    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Return the generator's loss per image; only one that `compares` looks at the real logits."""

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the discriminator's loss per pair of images; raises `UserError` if shapes differ."""

    def boundary(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the logit above which a picture counts as real, a scalar; D's accuracy is measured by it."""
        return torch.zeros((), device=real.device)


class Absolute(Adversarial):
    """An objective that judges every logit by itself; a subclass states it in three formulas."""

    @abstractmethod
    def on_real(self, logits: Tensor) -> Tensor:
        """Return the discriminator's loss at each real logit."""

    @abstractmethod
    def on_fake(self, logits: Tensor) -> Tensor:
        """Return the discriminator's loss at each fake logit."""

    @abstractmethod
    def on_generated(self, logits: Tensor) -> Tensor:
        """Return the generator's loss at each fake logit."""

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return per_image_mean(self.on_generated(full_precision(fake)))

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        _require_one_shape(real, fake)
        return per_image_mean(self.on_real(full_precision(real)) + self.on_fake(full_precision(fake)))


class NonSaturating(Absolute):
    """Cross-entropy, whose generator maximizes log D(fake) (Goodfellow et al., 2014).

    D: softplus(-r) + softplus(f), G: softplus(-f); at r = f = 0 they are 2 ln 2 and ln 2.
    """

    def on_real(self, logits: Tensor) -> Tensor:
        return softplus(-logits)

    def on_fake(self, logits: Tensor) -> Tensor:
        return softplus(logits)

    def on_generated(self, logits: Tensor) -> Tensor:
        return softplus(-logits)


class LeastSquares(Absolute):
    """Least-squares GAN, without its optional factor ½ (Mao et al., 2017).

    D: (r - 1)² + f², G: (f - 1)².
    """

    def boundary(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return ½, halfway between the two targets."""
        return torch.full((), 0.5, device=real.device)

    def on_real(self, logits: Tensor) -> Tensor:
        return (logits - 1).square()

    def on_fake(self, logits: Tensor) -> Tensor:
        return logits.square()

    def on_generated(self, logits: Tensor) -> Tensor:
        return (logits - 1).square()


class Hinge(Absolute):
    """Hinge objective (Lim and Ye, 2017).

    D: relu(1 - r) + relu(1 + f), G: -f.
    """

    def on_real(self, logits: Tensor) -> Tensor:
        return relu(1 - logits)

    def on_fake(self, logits: Tensor) -> Tensor:
        return relu(1 + logits)

    def on_generated(self, logits: Tensor) -> Tensor:
        return -logits


class Wasserstein(Absolute):
    """Critic of the Wasserstein distance (Arjovsky et al., 2017); sound only with a bound on D's slope.

    D: f - r, G: -f. WGAN-GP is this term with `henkan.losses.penalty.GradientPenalty` beside it, and five updates of
    the critic for each of the generator (Gulrajani et al., 2017).
    """

    def __init__(self, discriminator_updates: int = 5) -> None:
        if discriminator_updates < 1:
            raise UserError(f"discriminator_updates={discriminator_updates} must be 1 or more")
        self.discriminator_updates = discriminator_updates

    def boundary(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the point halfway between the two means: a critic's zero means nothing."""
        return halfway(real, fake)

    def on_real(self, logits: Tensor) -> Tensor:
        return -logits

    def on_fake(self, logits: Tensor) -> Tensor:
        return logits

    def on_generated(self, logits: Tensor) -> Tensor:
        return -logits


class RelativisticAverage(Adversarial):
    """Relativistic average GAN: realer than the other kind's average (Jolicoeur-Martineau, 2018).

    D: softplus(-(r - mean f)) + softplus(f - mean r), G: the same with the two kinds swapped. The means run
    over all logits of the global batch, patches and ranks included.

    Over ranks: give every rank equally many images, take the mean of the returned values over them, and
    average gradients over ranks, as DistributedDataParallel does. Loss (averaged likewise) and gradient are
    then those of one process with the whole batch. Every rank has to run forward and backward.
    """

    compares = True

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Return the generator's loss per pair of images; raises `UserError` without the real logits."""
        if real is None:
            raise UserError("the relativistic objective needs real logits for the generator too")
        return self._prefer(fake, real)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return self._prefer(real, fake)

    def boundary(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the point halfway between the two means: only differences of logits mean anything."""
        return halfway(real, fake)

    def _prefer(self, high: Tensor, low: Tensor) -> Tensor:
        _require_one_shape(high, low)
        high, low = full_precision(high), full_precision(low)
        # One collective for both means: two could meet in another order in the backward of another rank.
        sums = torch.stack([high.sum(), low.sum(), high.new_full((), high.numel())])
        high_sum, low_sum, count = sum_over_ranks(sums).unbind()
        return per_image_mean(softplus(low_sum / count - high) + softplus(low - high_sum / count))


def halfway(real: Tensor, fake: Tensor) -> Tensor:
    """Return the middle between the mean real and the mean fake logit of the global batch, a scalar."""
    _require_one_shape(real, fake)
    real, fake = full_precision(real), full_precision(fake)
    real_sum, fake_sum, count = sum_over_ranks(
        torch.stack([real.sum(), fake.sum(), real.new_full((), real.numel())])
    ).unbind()
    return (real_sum + fake_sum) / (2 * count)


def _require_one_shape(first: Tensor, second: Tensor) -> None:
    if first.shape != second.shape:
        raise UserError(
            f"real and fake logits differ in shape ({tuple(first.shape)} and {tuple(second.shape)}): "
            "show the discriminator equally many pictures of one size"
        )
