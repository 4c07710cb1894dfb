"""Color as a class: the cross-entropy of bins of the a, b plane, in which rare colors may count more (Zhang 2016)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from henkan.color import AB, BINS, bins_of
from henkan.errors import UserError
from henkan.losses.per_image import full_precision, per_image_mean

# The side of a bin, in units of CIELAB.
STEP = 2.0 * AB / (BINS - 1)
# The centers nearest to a color lie in the 5 x 5 bins around its own; all of them only up to this many.
AROUND, MOST = 5, 9


class ColorClasses:
    """Mean over pixels of w(q) · -Σₖ z(k) log softmax(input)(k), k running over color bins, q being the color's own.

    Bins are squares of 10 units; z is 1 at the color's own bin, or with `neighbors` above 1 shared among that many
    nearest bins by a Gaussian of `sigma` units (the paper: 5 and 5). w is 1, or with `rebalancing` (λ; the paper: 0.5)
    what makes rare colors count more by `prior`, the share of each bin in the training set; see `rebalanced`. The paper
    has the 313 bins that a screen can show; here are all 529, as in the code of its sequel (2017).

    `input`: logits (B, 529, h, w); `target_ab`: (B, 2, H, W) in units of 110, averaged down where H and W are multiples
    of h and w (that code takes one pixel of each square). Returns (B,). Raises `UserError` if shapes do not fit, for
    settings out of range, and for rebalancing without a prior when it is called.
    """

    def __init__(
        self,
        neighbors: int = 1,
        sigma: float = 5.0,
        rebalancing: float | None = None,
        prior: Sequence[float] | None = None,
    ) -> None:
        if not 1 <= neighbors <= MOST:
            raise UserError(f"color classes: neighbors={neighbors} must be 1 to {MOST}")
        if not sigma > 0:
            raise UserError(f"color classes: sigma={sigma} must be above 0; hard classes are neighbors=1")
        if rebalancing is not None and not 0 < rebalancing <= 1:
            raise UserError(f"color classes: rebalancing={rebalancing} must be above 0 and at most 1, or null for none")
        if prior is not None and (len(prior) != BINS**2 or min(prior) < 0 or not sum(prior) > 0):
            raise UserError(f"color classes: prior has {len(prior)} values; it is {BINS**2} shares, none below 0")
        self.neighbors, self.sigma, self.rebalancing = neighbors, sigma, rebalancing
        self.weights: Tensor | None = None
        if rebalancing is not None and prior is not None:
            self.weights = rebalanced(smoothed(torch.tensor(prior, dtype=torch.float64), sigma), rebalancing).float()

    def __call__(self, input: Tensor, target_ab: Tensor) -> Tensor:
        target = averaged(full_precision(target_ab), input)
        bins, shares = nearest_bins(target, self.neighbors, self.sigma)
        found = torch.log_softmax(full_precision(input), dim=1).gather(1, bins)
        entropy = -(shares * found).sum(1)
        if self.rebalancing is not None:
            entropy = entropy * self._weights_on(input.device)[bins[:, 0]]
        return per_image_mean(entropy)

    def _weights_on(self, device: torch.device) -> Tensor:
        if self.weights is None:
            raise UserError("color classes: rebalancing needs prior, the share of each bin: ${statistics.ab_prior}")
        self.weights = self.weights.to(device)
        return self.weights


def nearest_bins(ab: Tensor, count: int, sigma: float) -> tuple[Tensor, Tensor]:
    """Return the `count` bins whose centers are nearest to each color, nearest first, and their shares.

    ab (B, 2, h, w) in units of 110 -> bins (B, count, h, w) int64, and shares of the same shape that sum to 1, each in
    proportion to exp(-d² / 2 sigma²) at a distance of d units of CIELAB. `count` is at most 9.
    """
    if count == 1:
        bins = bins_of(ab).unsqueeze(1)
        return bins, torch.ones_like(bins, dtype=ab.dtype)
    # Where colors lie among the centers, which are at 0, 1, ..., 22 along a and along b.
    places = (ab.clamp(-1.0, 1.0) + 1.0) * ((BINS - 1) / 2)
    # The 5 x 5 bins around the color's own, moved inwards at the border.
    first = (places.round() - AROUND // 2).clamp(0, BINS - AROUND)
    steps = torch.arange(AROUND, device=ab.device, dtype=ab.dtype).view(1, -1, 1, 1)
    a, b = (first[:, axis, None] + steps for axis in (0, 1))
    da, db = (a - places[:, :1]).square(), (b - places[:, 1:]).square()
    squared = (da.unsqueeze(2) + db.unsqueeze(1)).flatten(1, 2)
    bins = (a.unsqueeze(2) * BINS + b.unsqueeze(1)).flatten(1, 2).long()
    squared, chosen = squared.topk(count, dim=1, largest=False)
    shares = torch.softmax(-squared * (STEP**2 / (2.0 * sigma**2)), dim=1)
    return bins.gather(1, chosen), shares


def smoothed(prior: Tensor, sigma: float) -> Tensor:
    """Return shares of bins (529,) smoothed by a Gaussian of `sigma` units; bins that do not occur stay at 0."""
    centers = torch.arange(BINS, dtype=prior.dtype) * STEP
    kernel = torch.exp(-(centers[:, None] - centers).square() / (2.0 * sigma**2))
    spread = (kernel @ prior.view(BINS, BINS) @ kernel).flatten().where(prior > 0, 0.0)
    return spread / spread.sum()


def rebalanced(prior: Tensor, rebalancing: float) -> Tensor:
    """Return the weight of each bin, ((1 - λ) p + λ / Q)⁻¹ up to a factor that makes Σ p w = 1 (Zhang et al. 2016).

    p is the `prior`, λ `rebalancing` and Q the number of bins that occur, those with p > 0; the others weigh the most.
    """
    weights = 1.0 / ((1.0 - rebalancing) * prior + rebalancing / (prior > 0).sum())
    return weights / (prior * weights).sum()


def averaged(ab: Tensor, logits: Tensor) -> Tensor:
    """Return ab (B, 2, H, W) averaged down to the size of the logits; raises `UserError` if they do not fit."""
    if logits.ndim != 4 or logits.shape[1] != BINS**2:
        raise UserError(
            f"color classes: the logits are (B, {BINS**2}, h, w), not {tuple(logits.shape)}: choose a generator with "
            "color bins, or mend the term's `reads`"
        )
    (count, _, height, width), sides = logits.shape, ab.shape[2:]
    if ab.ndim != 4 or ab.shape[:2] != (count, 2) or sides[0] % height or sides[1] % width:
        raise UserError(
            "color classes: target_ab is (B, 2, H, W) with sides that are multiples of those of the logits, not "
            f"{tuple(ab.shape)} for {tuple(logits.shape)}: choose a size that is a multiple of the generator's "
            "`multiple`, or mend the term's `reads`"
        )
    factors = (sides[0] // height, sides[1] // width)
    return ab if factors == (1, 1) else F.avg_pool2d(ab, factors)
