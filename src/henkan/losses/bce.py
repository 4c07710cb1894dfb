"""Binary cross-entropy of maps of probabilities."""

from __future__ import annotations

from torch import Tensor

from henkan.losses.per_image import difference, full_precision, per_image_mean

# Of a probability: no pixel costs more than -log of it, 13.8.
LEAST = 1e-6


class BCE:
    """Mean of -(t log p + (1 - t) log(1 - p)) over each image's counted pixels, p = `input` and t = `target`.

    `input`, `target`: (B, C, H, W) in [0, 1], or (B, ...) without a mask; `mask`: (B, 1, H, W), 1 = counted; all
    pixels count without it. Probabilities are kept 1e-6 off 0 and 1, and their gradient is that at the bound: who is
    surely wrong is still taught. Returns (B,). Raises `UserError` if shapes differ.
    """

    def __call__(self, input: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        # For its check of shapes.
        difference(input, target)
        # torch's own refuses probabilities under autocast.
        p, t = full_precision(input), full_precision(target)
        p = p + (p.clamp(LEAST, 1.0 - LEAST) - p).detach()
        return per_image_mean(-(t * p.log() + (1.0 - t) * (-p).log1p()), mask)
