"""Completion by patches that turn, scale and change their tone (Darabi, Shechtman, Barnes, Goldman, Sen 2012)."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array, eye_array
from scipy.sparse.linalg import cg

from henkan.baselines.filling import Hole, Picture
from henkan.baselines.nearest import Field, Floats, Rows
from henkan.baselines.patchmatch import Level, PatchMatch, painted
from henkan.baselines.warped import WarpedField, bias_to, enlarged_into, unmoved

_SMALLEST, _LARGEST = 0.9, 1.3
"""What a match may be enlarged by. Its contrast is never lowered: votes lower it, and it would fade vote by vote."""
_BIAS = np.array([40.0, 10.0, 10.0], np.float32)
"""What is added to a match at most, in L, a and b."""
_DOUBT = 0.5
"""What the square of the bias costs. Where it is little (0.02), even texture of another tone replaces a strong one."""
_SLOPES = 1.0
"""What differences of slopes weigh beside those of colors."""
_MOST_SLOPES = 5.0
"""What slopes weigh in the last filling, whose colors come from patches with seams between them."""


class SimilarityField(WarpedField):
    """Matches are similarities, rows y, x, angle and logarithm of the scale; their tone is fitted to the query's.

    Of gain (1 to 1.3) and bias, for each channel of Lab, those are taken that give a match the query's deviation and
    mean.
    """

    def mapped(self, rows: Rows, match: Floats, dy: Floats, dx: Floats) -> tuple[Floats, Floats]:
        y, x, angle, scale = match[:, :, None]
        along, across = np.exp(scale) * np.cos(angle), np.exp(scale) * np.sin(angle)
        return y + along * dy + across * dx, x + along * dx - across * dy

    def distances(self, shown: Floats, target: Floats, seen: Floats) -> Floats:
        gain, bias = tones(shown, target, seen)
        difference = gain * shown + bias - target
        costs = super().distances(difference, np.zeros_like(difference), seen)
        square = (-1, self.side, self.side)
        difference, seen = difference.reshape(*square, 3), seen.reshape(square)
        for slope, both in (
            (np.diff(difference, axis=1), seen[:, 1:] * seen[:, :-1]),
            (np.diff(difference, axis=2), seen[:, :, 1:] * seen[:, :, :-1]),
        ):
            total = np.einsum("nijc,nijc,nij->n", slope, slope, both)
            costs += _SLOPES * total / (3 * np.maximum(np.einsum("nij->n", both), 1))
        return np.asarray(costs + _DOUBT * np.square(bias[:, 0]).sum(axis=1))

    def patches(self) -> Floats:
        """Return what the matches show, in the tone of their queries: (N, side, side, 3)."""
        seen, target, shown, _ = self.seen_and_shown(np.arange(self.cost.size), self.match)
        gain, bias = tones(shown, target, seen)
        return (gain * shown + bias).reshape(-1, self.side, self.side, 3)

    def _around(self, radius: float) -> Floats:
        share = radius / max(self.missing.shape)
        match = self.match.copy()
        match[:2] += np.rint(self.rng.uniform(-radius, radius, (2, self.cost.size))) if radius >= 1 else 0
        # Half of them are only moved: what fits unturned is not resampled.
        turned = self.rng.random(self.cost.size) < 0.5
        count = np.count_nonzero(turned)
        near = self.rng.uniform(-1, 1, (4, count)).astype(np.float32)
        match[:2, turned] += np.minimum(radius, 1) * near[:2]
        match[2, turned] += np.pi * share * near[2]
        low, high = np.log(_SMALLEST), np.log(_LARGEST)
        match[3, turned] = (match[3, turned] + (high - low) * share * near[3]).clip(low, high)
        return match


class ImageMelding(PatchMatch):
    """PatchMatch whose sources may be turned, scaled (0.9 to 1.3), and fitted in gain and bias to where they go.

    As in the paper, patches are compared by colors and slopes, both are voted for, and the filling is what fits both:
    the minimum of Σ (u - color)² + λ Σ (∇u - slope)², a screened Poisson equation that holds the known pixels at the
    hole's edge. So no seam is left between sources, and light that falls across the picture goes on falling in the
    hole. In the last filling each pixel and slope is that of the one patch over it that weighs most.

    Of the paper's reflections there is none here, and the first filling goes from the edge inwards, as PatchMatch's.
    """

    def _begun(self, levels: list[Level], rng: np.random.Generator) -> SimilarityField:
        return self._field(levels[-1], rng)

    def _field(self, level: Level, rng: np.random.Generator) -> SimilarityField:
        centers = unmoved(level.sources, self.side, rng)
        start = np.concatenate([centers, np.zeros_like(centers)])
        return SimilarityField(level.hole, ~level.sources, self.side, start, rng)

    def _finer(self, field: SimilarityField, level: Level, target: Floats) -> tuple[SimilarityField, Floats]:
        finer = self._field(level, field.rng)
        finer.begin_from(field)
        guess = enlarged_into(level.colors, level.hole, target)
        finer.compare(level.colors, guess)
        return finer, self._vote(finer, level, guess)

    def _vote(self, field: Field, level: Level, target: Floats) -> Floats:
        return self._melded(field, level, _SLOPES, best=False)

    def _finished(self, field: Field, level: Level, picture: Picture) -> Picture:
        return painted(self._melded(field, level, _MOST_SLOPES, best=True), level.hole, picture)

    def _melded(self, field: Field, level: Level, slopes: float, best: bool) -> Floats:
        """Return a filling that fits the colors and slopes of the patches: their means, or those of the best one."""
        assert isinstance(field, SimilarityField)
        patches, weights = field.patches(), self._weights(field, level)
        said = [
            gathered(field, values, weights, level.hole.shape, best)
            for values in (patches, np.diff(patches, axis=1), np.diff(patches, axis=2))
        ]
        return poisson(level.colors, level.hole, said[0], said[1][:-1], said[2][:, :-1], slopes)


def tones(shown: Floats, target: Floats, seen: Floats) -> tuple[Floats, Floats]:
    """Return the gain and bias, (n, 1, 3), that fit what is shown (n, k, 3) to the target where that is seen (n, k)."""
    before, after = deviations(shown, seen), deviations(target, seen)
    # What is even has no contrast that could be changed.
    flat = before < 1e-3
    gain = np.where(flat, 1, (after / np.where(flat, 1, before)).clip(1, _LARGEST)).astype(np.float32)[:, None]
    return gain, bias_to(target, gain * shown, seen, _BIAS)


def deviations(values: Floats, seen: Floats) -> Floats:
    """Return the standard deviation of values (n, k, 3) where they are seen (n, k): (n, 3)."""
    count = np.maximum(seen.sum(axis=1), 1)[:, None]
    around = values - (np.einsum("nkc,nk->nc", values, seen) / count)[:, None]
    return np.asarray(np.sqrt(np.einsum("nkc,nkc,nk->nc", around, around, seen) / count))


def gathered(field: Field, values: Floats, weights: Any, shape: tuple[int, ...], best: bool) -> Floats:
    """Return, for a picture, what patches say of each pixel: (N, a, b, C) -> (H, W, C), the mean or the weightiest."""
    total, weight = np.zeros((*shape, values.shape[3])), np.zeros(shape)
    for dy, dx in np.ndindex(*values.shape[1:3]):
        at = field.query_y + dy, field.query_x + dx
        if best:
            better = weights > weight[at]
            at = at[0][better], at[1][better]
            total[at], weight[at] = values[better, dy, dx], weights[better]
        else:
            total[at] += weights[:, None] * values[:, dy, dx]
            weight[at] += weights
    return (total if best else total / np.maximum(weight, 1e-300)[..., None]).astype(np.float32)


def poisson(known: Floats, hole: Hole, colors: Floats, down: Floats, right: Floats, slopes: float) -> Floats:
    """Return `known` (H, W, 3) with the hole filled by the minimum of Σ (u - color)² + slopes Σ (∇u - slope)².

    `down` (H - 1, W, 3) and `right` (H, W - 1, 3) are the slopes to the next pixel; those count that meet the hole.
    """
    number = np.arange(hole.size).reshape(hole.shape)
    ends, wanted = [], []
    for first, second, slope in ((np.s_[:-1], np.s_[1:], down), (np.s_[:, :-1], np.s_[:, 1:], right)):
        met = hole[first] | hole[second]
        ends.append(np.stack([number[first][met], number[second][met]]))
        wanted.append(slope[met])
    (start, end), slope = np.concatenate(ends, axis=1), np.concatenate(wanted)
    edges = np.arange(start.size)
    step = csr_array(
        (np.repeat([-1.0, 1.0], start.size), (np.tile(edges, 2), np.append(start, end))), (start.size, hole.size)
    )
    inside, outside = np.flatnonzero(hole), np.flatnonzero(~hole)
    free = step[:, inside]
    system = eye_array(inside.size, format="csr") + slopes * (free.T @ free)
    rest = slope - step[:, outside] @ known.reshape(-1, 3)[outside]
    right_side = colors[hole] + slopes * (free.T @ rest)
    filled = known.copy()
    filled[hole] = np.stack(
        [cg(system, b, x0, rtol=1e-5)[0] for b, x0 in zip(right_side.T, colors[hole].T, strict=True)], axis=1
    )
    return filled
