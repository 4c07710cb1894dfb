"""How a hand draws strokes again: operators on vectors, run in the worker.

Lengths are shares of the drawing's extent, times the degradation's `error`: a large drawing is as rough as a small
one. All strokes are worked on at once.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from henkan.data.operator import Operator, Range
from henkan.data.strokes import Floats, Integers, Strokes, joined

# Points along a drawing's extent.
FINENESS = 100


@dataclass(frozen=True)
class Scale:
    """What lengths are measured by, in pixels: `extent` of the drawing, `error` of the hand, `step` between points."""

    extent: float
    error: float

    @property
    def step(self) -> float:
        return self.extent / FINENESS


class HandOperator(Operator):
    """A step of drawing something again; a subclass names the settings that it is called with, as they were drawn."""

    @abstractmethod
    def __call__(self, strokes: Strokes, rng: np.random.Generator, scale: Scale, *_: Any, **settings: Any) -> Strokes:
        """Return the strokes as the hand has changed them."""


@dataclass(frozen=True, kw_only=True)
class Redraw(HandOperator):
    """Draw each stroke up to `passes` times, each time shifted by about `offset` and turned by about `turn` degrees."""

    passes: Range
    offset: Range
    turn: Range = 0.0
    counts: ClassVar[tuple[str, ...]] = ("passes",)

    def __call__(
        self, strokes: Strokes, rng: np.random.Generator, scale: Scale, *, passes: float, offset: float, turn: float
    ) -> Strokes:
        most = max(1, int(passes))
        # Once always, and then mostly.
        times = 1 + rng.binomial(most - 1, 0.8, len(strokes))
        which = np.repeat(np.arange(len(strokes)), times)
        copies = repeated(strokes, which)
        shift = rng.normal(0.0, offset * scale.error, (len(which), 2))
        angle = np.radians(rng.normal(0.0, turn, len(which)) * scale.error / scale.extent)
        return displaced(copies, shift, angle)


@dataclass(frozen=True, kw_only=True)
class Wobble(HandOperator):
    """Let the line stray from its course by about `amplitude`, in waves of `wavelength`."""

    amplitude: Range
    wavelength: Range

    def __call__(
        self, strokes: Strokes, rng: np.random.Generator, scale: Scale, *, amplitude: float, wavelength: float
    ) -> Strokes:
        strokes = strokes.resampled(scale.step)
        waves = smooth(strokes, wavelength * scale.extent, 2, rng)
        points = strokes.points + amplitude * scale.error * waves
        return replace(strokes, points=points.astype(np.float32))


@dataclass(frozen=True, kw_only=True)
class Restarts(HandOperator):
    """Lift the pen `rate` times along the drawing's extent, and start again `overlap` before, `offset` beside."""

    rate: Range
    overlap: Range
    offset: Range

    def __call__(
        self, strokes: Strokes, rng: np.random.Generator, scale: Scale, *, rate: float, overlap: float, offset: float
    ) -> Strokes:
        owner, begin, end = cut(strokes, rate / scale.extent, rng)
        reach = overlap * scale.extent * rng.random((2, len(owner)))
        length = strokes.lengths[owner]
        begin, end = np.maximum(0.0, begin - reach[0]), np.minimum(length, end + reach[1])
        pieces = strokes.pieces(owner, begin.astype(np.float32), end.astype(np.float32), scale.step)
        shift = rng.normal(0.0, offset * scale.error, (len(owner), 2))
        return displaced(pieces, shift, np.zeros(len(owner)))


@dataclass(frozen=True, kw_only=True)
class Gaps(HandOperator):
    """Leave out a stretch of about `length`, `rate` times along the drawing's extent."""

    rate: Range
    length: Range

    def __call__(
        self, strokes: Strokes, rng: np.random.Generator, scale: Scale, *, rate: float, length: float
    ) -> Strokes:
        owner, begin, end = cut(strokes, rate / scale.extent, rng)
        half = length * scale.error * rng.random(len(owner))
        last = strokes.lengths[owner]
        begin, end = np.where(begin > 0, begin + half, begin), np.where(end < last, end - half, end)
        there = (end > begin) | strokes.filled[owner]
        return strokes.pieces(owner[there], begin[there].astype(np.float32), end[there].astype(np.float32), scale.step)


@dataclass(frozen=True, kw_only=True)
class Overshoot(HandOperator):
    """Run past the ends of lines by up to `length`, straight on."""

    length: Range

    def __call__(self, strokes: Strokes, rng: np.random.Generator, scale: Scale, *, length: float) -> Strokes:
        first, last = strokes.offsets[:-1], strokes.offsets[1:] - 1
        near = np.minimum(3, strokes.counts - 1)
        reach = length * scale.error * rng.random((2, len(strokes), 1)) * ~strokes.filled[:, None]
        ends = []
        for end, inner, far in ((first, first + near, reach[0]), (last, last - near, reach[1])):
            way = strokes.points[end] - strokes.points[inner]
            norm = np.hypot(*way.T)[:, None]
            ends.append(strokes.points[end] + far * way / np.maximum(norm, 1e-6))
        # One more point at both ends of each stroke.
        place = np.arange(len(strokes.points)) + 2 * strokes.owner + 1
        points = np.empty((len(strokes.points) + 2 * len(strokes), 2), np.float32)
        pressure = np.empty(len(points), np.float32)
        points[place], pressure[place] = strokes.points, strokes.pressure
        before, after = place[first] - 1, place[last] + 1
        points[before], points[after] = ends
        pressure[before], pressure[after] = strokes.pressure[first], strokes.pressure[last]
        offsets = strokes.offsets + 2 * np.arange(len(strokes) + 1)
        return replace(strokes, points=points, pressure=pressure, offsets=offsets)


@dataclass(frozen=True, kw_only=True)
class Taper(HandOperator):
    """Press less towards the ends of a line: by `depth` (of 1) at the very end, over `length`."""

    length: Range
    depth: Range

    def __call__(
        self, strokes: Strokes, rng: np.random.Generator, scale: Scale, *, length: float, depth: float
    ) -> Strokes:
        strokes = strokes.resampled(scale.step)
        along = strokes.traveled
        left = strokes.lengths[strokes.owner] - along
        rise = np.clip(np.minimum(along, left) / max(length * scale.extent, 1e-6), 0.0, 1.0)
        return pressed(strokes, 1.0 - depth * (1.0 - rise))


@dataclass(frozen=True, kw_only=True)
class Pressure(HandOperator):
    """Press unevenly: by `strength` on average, varying by `depth` (of 1) in waves of `wavelength`."""

    strength: Range
    depth: Range
    wavelength: Range

    def __call__(
        self,
        strokes: Strokes,
        rng: np.random.Generator,
        scale: Scale,
        *,
        strength: float,
        depth: float,
        wavelength: float,
    ) -> Strokes:
        strokes = strokes.resampled(scale.step)
        waves = smooth(strokes, wavelength * scale.extent, 1, rng)[:, 0]
        each = rng.normal(0.0, depth / 2, len(strokes))[strokes.owner]
        return pressed(strokes, strength * (1.0 + depth * waves + each))


@dataclass(frozen=True, kw_only=True)
class Pen(HandOperator):
    """Draw with a pen `width` times as wide."""

    width: Range

    def __call__(self, strokes: Strokes, rng: np.random.Generator, scale: Scale, *, width: float) -> Strokes:
        return replace(strokes, width=(strokes.width * width).astype(np.float32))


@dataclass(frozen=True, kw_only=True)
class Construction(HandOperator):
    """Draw `lines` light helping lines first, with `pressure`: along strokes and past them, and ovals around them."""

    lines: Range
    pressure: Range
    counts: ClassVar[tuple[str, ...]] = ("lines",)

    def __call__(
        self, strokes: Strokes, rng: np.random.Generator, scale: Scale, *, lines: float, pressure: float
    ) -> Strokes:
        length = strokes.lengths
        if not length.sum() > 0:
            return strokes
        drawn: list[NDArray[np.floating]] = []
        turn = np.linspace(0.0, 2.0 * np.pi, 33)
        for stroke in rng.choice(len(strokes), int(lines), p=length / length.sum()):
            points = strokes.points[strokes.offsets[stroke] : strokes.offsets[stroke + 1]]
            low, high = points.min(0), points.max(0)
            if rng.random() < 0.5:
                ends = points[0], points[np.hypot(*(points - points[0]).T).argmax()]
                beyond = (ends[1] - ends[0]) * rng.uniform(0.1, 0.5, (2, 1))
                drawn.append(np.stack((ends[0] - beyond[0], ends[1] + beyond[1])))
            else:
                radius = (high - low) / 2 * rng.uniform(0.9, 1.2, 2) + 0.02 * scale.extent
                drawn.append((low + high) / 2 + radius * np.stack((np.cos(turn), np.sin(turn)), axis=1))
        return joined([strokes, light(strokes, drawn, pressure, scale)])


@dataclass(frozen=True, kw_only=True)
class Hatching(HandOperator):
    """Shade up to `areas` closed shapes by parallel lines `spacing` apart, with `pressure`."""

    areas: Range
    spacing: Range
    pressure: Range
    counts: ClassVar[tuple[str, ...]] = ("areas",)

    def __call__(
        self, strokes: Strokes, rng: np.random.Generator, scale: Scale, *, areas: float, spacing: float, pressure: float
    ) -> Strokes:
        first, last = strokes.points[strokes.offsets[:-1]], strokes.points[strokes.offsets[1:] - 1]
        closed = np.hypot(*(last - first).T) < 0.05 * scale.extent
        large = strokes.lengths > 0.3 * scale.extent
        candidates = np.flatnonzero((closed & large) | strokes.filled)
        chosen = rng.permutation(candidates)[: int(areas)]
        drawn: list[NDArray[np.floating]] = []
        for stroke in chosen:
            shape = strokes.points[strokes.offsets[stroke] : strokes.offsets[stroke + 1]]
            drawn += hatches(shape, rng.uniform(0, np.pi), spacing * scale.extent)
        if not drawn:
            return strokes
        return joined([strokes, light(strokes, drawn, pressure, scale)])


def hatches(shape: Floats, angle: float, spacing: float) -> list[NDArray[np.floating]]:
    """Return parallel lines (2, 2) inside a closed polyline (n, 2), by the even-odd rule."""
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    turned = shape @ turn.T
    begin, end = turned, np.roll(turned, -1, axis=0)
    found: list[NDArray[np.floating]] = []
    for y in np.arange(turned[:, 1].min() + spacing / 2, turned[:, 1].max(), spacing):
        crosses = (begin[:, 1] <= y) != (end[:, 1] <= y)
        a, b = begin[crosses], end[crosses]
        x = np.sort(a[:, 0] + (y - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0]))
        for left, right in zip(x[::2], x[1::2], strict=False):
            found.append(np.array([[left, y], [right, y]]) @ turn)
    return found


def light(strokes: Strokes, lines: list[NDArray[np.floating]], pressure: float, scale: Scale) -> Strokes:
    """Return helping lines, drawn with the drawing's pen and little pressure."""
    width = float(np.median(strokes.width))
    return pressed(Strokes.of(lines, width).resampled(scale.step), np.float32(pressure))


def pressed(strokes: Strokes, by: NDArray[np.floating] | np.floating) -> Strokes:
    """Return the strokes with their pressure multiplied, within [0, 1]."""
    return replace(strokes, pressure=np.clip(strokes.pressure * by, 0.0, 1.0).astype(np.float32))


def repeated(strokes: Strokes, which: Integers) -> Strokes:
    """Return the strokes `which`, in that order."""
    counts = strokes.counts[which]
    offsets = np.concatenate(([0], np.cumsum(counts)))
    place = np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts) + np.repeat(strokes.offsets[which], counts)
    return Strokes(strokes.points[place], offsets, strokes.width[which], strokes.filled[which], strokes.pressure[place])


def displaced(strokes: Strokes, shift: NDArray[np.floating], turn: NDArray[np.floating]) -> Strokes:
    """Return each stroke shifted by `shift` (S, 2) and turned by `turn` (S,) radians about its mean point."""
    if not len(strokes):
        return strokes
    owner = strokes.owner
    middle = np.add.reduceat(strokes.points, strokes.offsets[:-1], axis=0) / strokes.counts[:, None]
    x, y = (strokes.points - middle[owner]).T
    cos, sin = np.cos(turn)[owner], np.sin(turn)[owner]
    points = np.stack((cos * x - sin * y, sin * x + cos * y), axis=1) + (middle + shift)[owner]
    return replace(strokes, points=points.astype(np.float32))


def smooth(strokes: Strokes, wavelength: float, channels: int, rng: np.random.Generator) -> Floats:
    """Return smooth noise along each stroke, (N, channels), about 1 in size, changing over `wavelength` pixels."""
    place = strokes.traveled / max(wavelength, 1e-3)
    knots = np.ceil(strokes.lengths / max(wavelength, 1e-3)).astype(np.int64) + 2
    values = rng.standard_normal((int(knots.sum()), channels), np.float32)
    # Every stroke begins somewhere within a wave.
    place = place + rng.random(len(strokes), np.float32)[strokes.owner] * 0.999
    whole = np.minimum(place.astype(np.int64), (knots - 2)[strokes.owner])
    share = (place - whole)[:, None].clip(0.0, 1.0)
    share = share * share * (3.0 - 2.0 * share)
    knot = whole + np.concatenate(([0], np.cumsum(knots[:-1])))[strokes.owner]
    waves: Floats = (values[knot] * (1.0 - share) + values[knot + 1] * share).astype(np.float32)
    return waves


def cut(strokes: Strokes, rate: float, rng: np.random.Generator) -> tuple[Integers, Floats, Floats]:
    """Return pieces of the strokes, cut `rate` times a pixel at random: owner, begin and end. Areas stay whole."""
    length = strokes.lengths
    times = rng.poisson(rate * length) * ~strokes.filled
    cuts = np.repeat(np.arange(len(strokes)), times)
    place = rng.random(len(cuts)) * length[cuts]
    place = place[np.lexsort((place, cuts))]
    owner = np.repeat(np.arange(len(strokes)), times + 1)
    last = np.zeros(len(owner), bool)
    last[np.cumsum(times + 1) - 1] = True
    begin, end = np.zeros(len(owner), np.float32), length[owner]
    end[~last] = place
    # A piece begins where the one before it, of the same stroke, has ended.
    begin[1:] = np.where(last[:-1], 0.0, end[:-1])
    return owner, begin, end
