"""The adversarial objective of LaMa: a completed picture is fake only where it was completed."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import interpolate, softplus

from henkan.errors import UserError
from henkan.losses.adversarial import NonSaturating
from henkan.losses.per_image import full_precision, per_image_mean
from henkan.terms.step import Step


class MaskedNonSaturating(NonSaturating):
    """Cross-entropy with a label for each patch (Suvorov et al. 2022): m = 1 in the hole, 0 outside.

    D: softplus(-r) + m · softplus(f) + (1 - m) · softplus(-f), G: softplus(-f). What is judged is the prediction as
    it is, its known pixels not pasted. m is the mask on the grid of the logits, by nearest neighbors.
    """

    fake = "prediction"

    def for_discriminator(self, step: Step) -> Tensor:
        verdict, mask = step.verdict(), step.judge.mask(step.stream)
        value = self.discriminator(verdict.real, verdict.fake, mask)
        assert mask is not None
        boundary = self.boundary(verdict.real.detach(), verdict.fake.detach())
        step.log_scores(verdict, boundary, counted=on_patches(mask, verdict.fake))
        step.log(f"discriminator/{step.name}", value.mean())
        return value

    def discriminator(self, real: Tensor, fake: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return D's loss per pair of images; raises `UserError` unless logits are a map and there is a mask."""
        if mask is None or fake.ndim != 4 or real.shape != fake.shape:
            raise UserError(
                f"patches are labeled by a mask (B, 1, H, W) over maps of logits, not {tuple(fake.shape)} without one: "
                "choose a patch discriminator (discriminator=lama) and a task with a mask"
            )
        real, fake = full_precision(real), full_precision(fake)
        hole = on_patches(mask, fake)
        on_fake = hole * softplus(fake) + (1 - hole) * softplus(-fake)
        return per_image_mean(softplus(-real) + on_fake)


def on_patches(mask: Tensor, logits: Tensor) -> Tensor:
    """Return the mask on the grid of the logits, by nearest neighbors."""
    return interpolate(mask.to(logits.dtype), size=logits.shape[-2:], mode="nearest").expand_as(logits)
