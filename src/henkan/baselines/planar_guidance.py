"""Completion by patches that lie on planes in perspective (Huang, Kang, Ahuja, Kopf 2014)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from henkan.baselines.filling import Picture
from henkan.baselines.nearest import Field, Flags, Floats, Rows
from henkan.baselines.patchmatch import Level, PatchMatch, depths, painted
from henkan.baselines.planes import Planes, planes_of
from henkan.baselines.regularity import Regularity, regularity_of
from henkan.baselines.warped import WarpedField, bias_to, enlarged_into, unmoved

_SMALLEST, _LARGEST = 0.8, 2.0
"""How much larger the plane may be seen at the source than at the query. What was small is blurred."""
_REPEATED = 0.2
"""Of the guesses at random, those that follow a displacement of the plane."""
_HORIZON = 1e-3
"""What lies on the horizon or behind it is taken for so near to it: it is mapped out of the picture."""
_PLANE = 1.0
"""What it costs to be less likely of the plane, for each factor of e."""
_DIRECTION, _OFF = 2.0, 0.02
"""What a move along none of the plane's directions costs at most, where it is off by this share of the picture."""
_REGULAR, _BESIDE = 2.0, 1.5
"""What a move costs at most that is none of the plane's displacements, where it has any: so many pixels beside them."""
_BIAS = np.full(3, 10.0, np.float32)
"""What is added to a match at most, in L, a and b."""
_DOUBT = 0.2
"""What the square of the bias costs: deep in the hole a tone that is free is that of the first guess."""
_PROXIMITY, _NEAR = 0.5, 1 / 8
"""What a move costs as far as this share of the picture; deep in the hole it may be longer."""


class PlanarField(WarpedField):
    """Matches are moves along planes: rows y, x, and the number of the plane, whose perspective the patch takes on.

    A plane is rectified about each query, so that nothing changes at its center; there the map is a translation. Its
    cost is the mean squared difference, once a bias has brought its mean to the query's, and a guidance: both ends
    should be of the plane, the move along one of its two directions and by as much as what is there repeats itself, and
    not far.
    """

    def __init__(
        self,
        planes: Planes,
        regularity: Regularity,
        step: int,
        missing: Flags,
        queries: Flags,
        side: int,
        start: Floats,
        rng: np.random.Generator,
    ) -> None:
        super().__init__(missing, queries, side, np.concatenate([start, np.zeros_like(start[:1])]), rng)
        self.planes, self.regularity, self.step = planes, regularity, step
        self._regular = np.array([len(steps) > 0 for steps in regularity.steps])
        self._here = planes.reduced(step)
        self._size = max(missing.shape)
        y, x = (np.rint(axis[:, 0]).astype(int) for axis in self.centers(np.arange(self.cost.size)))
        self._likely = self._here.chances[:, y, x]
        self._reach = np.square(depths(missing)[y, x]) + np.float32(_NEAR * self._size) ** 2
        self.bias = np.zeros((self.cost.size, 3), np.float32)
        drawn = np.concatenate([start, self._drawn()[None]])
        self.match[2] = np.where(self._fits(np.arange(self.cost.size), drawn), drawn[2], 0)

    def compare(self, source: Floats, target: Floats, seen: Flags | None = None) -> None:
        super().compare(source, target, seen)
        self._fit_tones()

    def search(self, passes: int, steps: Sequence[int] = (1,)) -> None:
        super().search(passes, steps)
        self._fit_tones()

    def _fit_tones(self) -> None:
        seen, target, shown, _ = self.seen_and_shown(np.arange(self.cost.size), self.match)
        self.bias = bias_to(target, shown, seen, _BIAS)[:, 0]

    def distances(self, shown: Floats, target: Floats, seen: Floats) -> Floats:
        bias = bias_to(target, shown, seen, _BIAS)
        differences = super().distances(shown + bias, target, seen)
        return np.asarray(differences + _DOUBT * np.square(bias[:, 0]).sum(axis=1))

    def shown(self, picture: NDArray[Any], dy: int, dx: int) -> NDArray[Any]:
        """Return, in the tone of their queries, what matches show of a picture in Lab."""
        return np.asarray(super().shown(picture, dy, dx) + self.bias)

    def mapped(self, rows: Rows, match: Floats, dy: Floats, dx: Floats) -> tuple[Floats, Floats]:
        down, right = self._growth(rows, match)
        move_y, move_x = self._move(rows, match)
        near = np.asarray(np.maximum(1 + down * dy + right * dx, _HORIZON), np.float32)
        return self._placed(rows, match, dy / near + move_y, dx / near + move_x)

    def _placed(self, rows: Rows, match: Floats, v: Floats, u: Floats) -> tuple[Floats, Floats]:
        """Return y and x of what lies at `v` and `u` in the plane as rectified about its query."""
        down, right = self._growth(rows, match)
        y, x = self.centers(rows)
        far = np.asarray(np.maximum(1 - down * v - right * u, _HORIZON), np.float32)
        return y + v / far, x + u / far

    def _growth(self, rows: Rows, match: Floats) -> tuple[Floats, Floats]:
        """Return by which part of itself a plane is seen larger one pixel below and right of queries: (n, 1)."""
        a, b, c = self._here.horizons[match[2].astype(int)].T[..., None]
        y, x = self.centers(rows)
        size = a * x + b * y + c
        size = np.asarray(np.where(np.abs(size) < 0.5, 0.5, size), np.float32)
        return b / size, a / size

    def _sizes(self, rows: Rows, match: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the way to the sources, y and x, and how much larger the plane is seen there: (n, 1)."""
        y, x = self.centers(rows)
        down, right = self._growth(rows, match)
        dy, dx = match[0, :, None] - y, match[1, :, None] - x
        return dy, dx, 1 + down * dy + right * dx

    def _move(self, rows: Rows, match: Floats) -> tuple[Floats, Floats]:
        """Return y and x of the move in the plane as rectified about its query: (n, 1)."""
        dy, dx, size = self._sizes(rows, match)
        size = np.asarray(np.maximum(size, _HORIZON), np.float32)
        return dy / size, dx / size

    def _directions(self, rows: Rows, match: Floats) -> tuple[Floats, Floats]:
        """Return y and x of the plane's two directions at queries, of length 1: (n, 2)."""
        x, y, far = np.moveaxis(self._here.vanishing[match[2].astype(int)], 2, 0)
        middle = self.centers(rows)
        y, x = y - far * middle[0], x - far * middle[1]
        length = np.maximum(np.hypot(y, x), np.float32(1e-6))
        return y / length, x / length

    def _along(self, rows: Rows, match: Floats) -> Floats:
        """Return of which moves along the plane's two directions the move consists, in pixels: (n, 2)."""
        y, x = self._directions(rows, match)
        (move_y, move_x) = (axis[:, 0] for axis in self._move(rows, match))
        crossed = x[:, 0] * y[:, 1] - x[:, 1] * y[:, 0]
        # On its own horizon a plane has one direction only.
        crossed = np.where(np.abs(crossed) < 1e-3, 1e-3, crossed)
        parts = np.stack([move_x * y[:, 1] - move_y * x[:, 1], move_y * x[:, 0] - move_x * y[:, 0]], axis=1)
        return np.asarray(parts / crossed[:, None], np.float32)

    def _in_full(self, y: Floats, x: Floats) -> NDArray[np.float64]:
        """Return places of this level in the picture itself, x and y: (n, 2)."""
        return np.stack([x, y], axis=1).astype(float) * self.step + (self.step - 1) / 2

    def _beside(self, rows: Rows, match: Floats) -> Floats:
        """Return how far matches are from where the plane's displacements lead, in the query's pixels, or 0: (n,)."""
        start, end = self._in_full(*(axis[:, 0] for axis in self.centers(rows))), self._in_full(*match[:2])
        ahead = self.regularity.nearest(match[2].astype(int), start, end)
        size = np.maximum(self._sizes(rows, match)[2][:, 0], _HORIZON)
        return np.asarray(np.linalg.norm(ahead - end, axis=1) / self.step / size, np.float32)

    def guidance(self, rows: Rows, match: Floats) -> Floats:
        """Return what matches cost beside their difference: (n,)."""
        plane = match[2].astype(int)
        at = np.rint(match[:2]).astype(int)
        chances = self._likely[plane, rows] * self._here.chances[plane, at[0], at[1]]
        off = np.abs(self._along(rows, match)).min(axis=1) / (_OFF * self._size)
        dy, dx, _ = self._sizes(rows, match)
        far = np.square(dy[:, 0]) + np.square(dx[:, 0])
        turned = np.where(plane > 0, np.minimum(off, 1), 0)
        costs = -_PLANE * np.log(chances) + _DIRECTION * turned + _PROXIMITY * far / self._reach[rows]
        if self._regular.any():
            costs += _REGULAR * np.minimum(self._beside(rows, match) / _BESIDE, 1)
        return np.asarray(costs, np.float32)

    def _costs(self, rows: Rows, match: Floats) -> Floats:
        return np.asarray(super()._costs(rows, match) + self.guidance(rows, match))

    def _fits(self, rows: Rows, match: Floats) -> Flags:
        size = self._sizes(rows, match)[2][:, 0]
        return np.asarray((size >= _SMALLEST) & (size <= _LARGEST))

    def _allowed(self, rows: Rows, match: Floats) -> Flags:
        return super()._allowed(rows, match) & self._fits(rows, match)

    def _drawn(self) -> Floats:
        """Return a plane at random for each query, as likely as it is there: (N,)."""
        passed = np.cumsum(self._likely, axis=0)[:-1] < self.rng.random(self.cost.size)
        return np.asarray(passed.sum(axis=0), np.float32)

    def _around(self, radius: float) -> Floats:
        match = self.match.copy()
        match[2] = np.where(self.rng.random(self.cost.size) < 0.25, self._drawn(), match[2])
        move = self.rng.uniform(-radius, radius, (2, self.cost.size)).astype(np.float32)
        # In the picture's own plane pixels are copied, not resampled.
        move = np.where(match[2] == 0, np.rint(move), move)
        straight = self.rng.random(self.cost.size) < 0.5
        match[:2, ~straight] += move[:, ~straight]
        rows = np.flatnonzero(straight)
        # Half of them go on in the direction of the plane that they keep to most.
        along = self._along(rows, match[:, rows])
        one = np.arange(rows.size), np.abs(along).argmax(axis=1)
        y, x = self._directions(rows, match[:, rows])
        length = along[one] + move[0, rows]
        place = self._placed(rows, match[:, rows], (length * y[one])[:, None], (length * x[one])[:, None])
        match[:2, rows] = np.concatenate(place, axis=1).T
        rows = np.flatnonzero(self._regular[match[2].astype(int)] & (self.rng.random(self.cost.size) < _REPEATED))
        match[:2, rows] = self._repeated(rows, match[2, rows].astype(int))
        return match

    def _repeated(self, rows: Rows, plane: NDArray[np.intp]) -> Floats:
        """Return where displacements of their planes lead from queries: y and x (2, n)."""
        y, x = (axis[:, 0] for axis in self.centers(rows))
        found = (self.regularity.drawn(plane, self._in_full(y, x), self.rng) - (self.step - 1) / 2) / self.step
        move = found.T[::-1] - np.stack([y, x])
        return np.asarray(np.where(plane == 0, np.rint(move), move) + np.stack([y, x]), np.float32)


class PlanarGuidance(PatchMatch):
    """PatchMatch whose sources lie on planes in perspective, and are seen as they would be where they go.

    As in the paper, straight segments outside the hole vote for up to three vanishing points; two of them make a plane
    with its horizon, and a plane is likely where both kinds of segments are dense. A move along it is a translation
    where the plane is rectified. Besides its difference a match costs what it is unlikely of its plane, off the plane's
    two directions, far, and not by one of the displacements at which its features repeat themselves, if they do: these
    are tried, too. Where no planes are seen, what remains is the picture's own. Light that falls across a plane goes on
    falling in the hole: to each match a bias is added that brings its mean to the query's, by a tenth of the range at
    most, as in the authors' code; here its square costs, too.
    """

    def _begun(self, levels: list[Level], rng: np.random.Generator) -> PlanarField:
        lightness, hole = levels[0].colors[..., 0] * np.float32(2.55), levels[0].hole
        planes = planes_of(lightness, hole)
        return self._field(levels[-1], planes, regularity_of(lightness, hole, planes), 2 ** (len(levels) - 1), rng)

    def _field(
        self, level: Level, planes: Planes, regularity: Regularity, step: int, rng: np.random.Generator
    ) -> PlanarField:
        start = unmoved(level.sources, self.side, rng)
        return PlanarField(planes, regularity, step, level.hole, ~level.sources, self.side, start, rng)

    def _finer(self, field: Field, level: Level, target: Floats) -> tuple[PlanarField, Floats]:
        assert isinstance(field, PlanarField)
        finer = self._field(level, field.planes, field.regularity, field.step // 2, field.rng)
        finer.begin_from(field)
        guess = enlarged_into(level.colors, level.hole, target)
        finer.compare(level.colors, guess)
        return finer, self._vote(finer, level, guess)

    def _finished(self, field: Field, level: Level, picture: Picture) -> Picture:
        return painted(self._best(field, level, level.colors), level.hole, picture)
