"""Colorization by optimization (Levin, Lischinski, Weiss, "Colorization using Optimization", 2004)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array
from scipy.sparse.linalg import splu
from torch import Tensor

from henkan.baselines.baseline import Baseline

Floats = NDArray[np.float64]

_SHIFTS = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]
_SHARE = 0.6
"""Of the window's variance: what squared differences are divided by."""
_LEAST, _FLOOR = 0.01, 2e-6
"""The most similar neighbor weighs at least so much before normalization; and the divisor where all is flat."""


class Levin(Baseline):
    """Spreads the colors of hints so that neighbors of similar lightness are of similar color.

    Every pixel r that is no hint has the weighted mean color of its 8 neighbors s: U(r) = Σ w(r, s) U(s), hints
    have their own. Of the paper's two weights this is exp(-(Y(r) - Y(s))² / 2σ²), normalized to a sum of 1; as in the
    authors' code, Y is in [0, 1], 2σ² is 0.6 times the variance of the 3 x 3 window, and no less than what lets the
    most similar neighbor weigh 0.01. And as there, these equations are solved as they are, one a pixel; the paper's
    sum of squared differences would be their least squares with the hints' own differences counted too.

    Input: `lightness` (B, 1, H, W), L/100; `hints` (B, 2, H, W), a and b over 110; `hint_mask` (B, 1, H, W), 1 = hint.
    Returns `raw` (B, 2, H, W) in [0, 1]. A picture without hints stays grey. Computed on the CPU in float64.
    """

    @torch.no_grad()
    def forward(
        self, lightness: Tensor, hints: Tensor | None = None, hint_mask: Tensor | None = None
    ) -> dict[str, Tensor]:
        if hints is None or hint_mask is None:
            return {"raw": lightness.new_full((len(lightness), 2, *lightness.shape[-2:]), 0.5)}
        pictures = lightness[:, 0].double().cpu().numpy()
        colors = hints.double().cpu().permute(0, 2, 3, 1).numpy()
        known = (hint_mask[:, 0] > 0).cpu().numpy()
        spread = np.stack([_spread(*one) for one in zip(pictures, colors, known, strict=True)])
        ab = torch.from_numpy(spread).permute(0, 3, 1, 2).to(hints.device, hints.dtype)
        return {"raw": (ab + 1.0) / 2.0}


def _spread(lightness: Floats, colors: Floats, known: NDArray[np.bool_]) -> Floats:
    """Return a color (H, W, 2) for each pixel of (H, W), given those that are known."""
    if not known.any():
        return np.zeros_like(colors)
    found = colors.reshape(-1, 2).copy()
    given, free = np.flatnonzero(known), np.flatnonzero(~known)
    if free.size:
        weights = _weights(lightness)[free]
        system = (eye_array(free.size, format="csr") - weights[:, free]).tocsc()
        # Each row's other entries sum to at most its diagonal, so that no pivot but the diagonal is needed; and the
        # pattern is symmetric, which makes the ordering for symmetric matrices much the best.
        factors = splu(system, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
        spread = factors.solve(weights[:, given] @ found[given])
        # Means of hints lie between them; rounding may lead out of there where a strong edge encloses a region.
        found[free] = spread.clip(found[given].min(axis=0), found[given].max(axis=0))
    return found.reshape(colors.shape)


def _weights(lightness: Floats) -> Any:
    """Return the weight of every pixel (column) for every other (row): sparse, (H W, H W), rows summing to 1."""
    height, width = lightness.shape
    padded = np.pad(lightness, 1, constant_values=np.nan)
    places = np.pad(np.arange(lightness.size).reshape(lightness.shape), 1)
    rows, columns = slice(1, height + 1), slice(1, width + 1)
    shifted = [(slice(1 + dy, height + 1 + dy), slice(1 + dx, width + 1 + dx)) for dy, dx in _SHIFTS]
    neighbors = np.stack([padded[at] for at in shifted])
    variance = np.nanvar(np.concatenate([neighbors, padded[None, rows, columns]]), axis=0)
    squared = np.square(neighbors - lightness)
    divisor = np.maximum(_SHARE * variance, np.nanmin(squared, axis=0) / -np.log(_LEAST)).clip(min=_FLOOR)
    weights = np.nan_to_num(np.exp(-squared / divisor))
    weights /= weights.sum(axis=0)
    inside = ~np.isnan(neighbors)
    row = np.broadcast_to(places[rows, columns], neighbors.shape)[inside]
    column = np.stack([places[at] for at in shifted])[inside]
    return csr_array((weights[inside], (row, column)), shape=(lightness.size, lightness.size))
