"""Poisson blending (Pérez, Gangnet, Blake 2003) of a filled hole, with the known pixels around it as its boundary."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array, csc_array
from scipy.sparse.linalg import cg, splu
from torch import Tensor

from henkan.sample import to_8_bit

Floats = NDArray[np.float64]
Hole = NDArray[np.bool_]
Indexes = NDArray[np.int64]

# Holes of more pixels are solved step by step: factors of a million unknowns take gigabytes.
FACTORED = 400_000
# Pixels around the picture, so that every step of two has somewhere to go.
_RIM = 2
# What an edge between fill and known weighs beside one inside of the fill: where the picture is rough, one pixel's
# slope says little, and its neighbors along the edge share what it says.
_ACROSS = 0.25
# How often the weights of the edge are found anew, and what is taken for agreement at least.
_STEPS, _LEVEL = 6, 1 / 255


class KnownEdgeBlend:
    """Fit the colors of a filled hole to what is around it, keeping the gradients of the fill.

    Inside the hole the gradients are those of the fill; across its edge, where the fill says nothing of what is known,
    the mean of the two slopes on either side, less where the rest of the edge contradicts it. `output` (B, 3, H, W) in
    [0, 1], `mask` (B, 1, H, W), 1 = missing; returns (B, 3, H, W) on k/255, outside the mask `output` rounded. A
    picture without hole, or without anything else, is only rounded.
    """

    @torch.no_grad()
    def __call__(self, output: Tensor, mask: Tensor) -> Tensor:
        rounded = to_8_bit(output.detach().float())
        pictures = rounded.permute(0, 2, 3, 1).double().cpu().numpy()
        holes = (mask[:, 0] > 0).cpu().numpy()
        blended = np.stack([blend(*pair) for pair in zip(pictures, holes, strict=True)])
        found = to_8_bit(torch.from_numpy(blended).permute(0, 3, 1, 2).to(rounded.device).float())
        return found.where(mask > 0, rounded)


def blend(picture: Floats, hole: Hole) -> Floats:
    """Return the picture (H, W, C) with its hole (H, W) fitted to what is known; known pixels are not changed."""
    if hole.all() or not hole.any():
        return picture
    rim = ((_RIM, _RIM), (_RIM, _RIM))
    colors = np.pad(picture, (*rim, (0, 0)))
    missing, known = np.pad(hole, rim), np.pad(~hole, rim)
    row, column = np.nonzero(missing)
    number = np.full(missing.shape, -1)
    number[row, column] = np.arange(len(row))
    inner: list[tuple[Indexes, Indexes]] = []
    across: list[tuple[Indexes, Floats]] = []
    for down, along in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        beside = number[row + down, column + along]
        inner.append((np.flatnonzero(beside >= 0), beside[beside >= 0]))
        edge = np.flatnonzero(known[row + down, column + along])
        y, x = row[edge], column[edge]
        # From behind the last pixel of the fill to beyond the first one that is known.
        places = [(y + step * down, x + step * along) for step in (-1, 0, 1, 2)]
        behind, last, first, beyond = (colors[place] for place in places)
        within, without = missing[places[0]][:, None], known[places[3]][:, None]
        slope = ((last - behind) * within + (beyond - first) * without) / np.maximum(within * 1 + without, 1)
        across.append((edge, first - slope - last))
    start, end = (np.concatenate(part) for part in zip(*inner, strict=True))
    edge, wanted = (np.concatenate(part) for part in zip(*across, strict=True))
    found = picture.copy()
    found[hole] += corrected(len(row), start, end, edge, wanted)
    return found


def corrected(count: int, start: Indexes, end: Indexes, edge: Indexes, wanted: Floats) -> Floats:
    """Return what is added to each of `count` pixels, (count, C): least Σ |c_start - c_end|² + Σ w |c_edge - wanted|².

    What is wanted of a pixel that no neighbor along the edge agrees with (a contour runs along the hole there) weighs
    little: weights are those of Cauchy's estimator, found step by step.
    """
    weight = np.full(len(edge), _ACROSS)
    everywhere = np.arange(count)
    rows, columns = np.append(everywhere, start), np.append(everywhere, end)
    inside = np.bincount(start, minlength=count)
    for _ in range(_STEPS):
        diagonal = inside + np.bincount(edge, weight, count)
        values = np.concatenate((diagonal, np.full(len(start), -1.0)))
        right: Floats = np.stack([np.bincount(edge, weight * column, count) for column in wanted.T], axis=1)
        found = solved(csc_array(coo_array((values, (rows, columns)), (count, count))), right)
        away = np.linalg.norm(found[edge] - wanted, axis=1)
        weight = _ACROSS / (1 + np.square(away / max(float(np.median(away)), _LEVEL)))
    return found


def solved(system: csc_array, right: Floats) -> Floats:
    """Return x of system x = right (n, C), the system being symmetric and positive definite."""
    if len(right) <= FACTORED:
        factors = splu(system, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
        return np.asarray(factors.solve(right), np.float64)
    return np.stack([cg(system, column, rtol=1e-8)[0] for column in right.T], axis=1)
