"""Drawings as strokes: polylines that can be moved, cut and drawn at any size with any pen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

# Fractional bits of the coordinates that OpenCV draws at.
SHIFT = 4
# Points of a stroke that are drawn with one pressure, and steps that darkness is rounded to.
RUN, TONES = 6, 8
# How much longer than wanted the steps between points may be.
FINE_ENOUGH = 1.5


@dataclass(frozen=True)
class Strokes:
    """Polylines in pixels: x to the right, y downwards, the center of the first pixel at (0.5, 0.5).

    `points` (N, 2) are those of all strokes in order, `offsets` (S + 1,) where each begins and ends. `width` (S,) is
    the pen's in pixels, `filled` (S,) marks areas that are ink inside, `pressure` (N,) in [0, 1] thins and lightens
    the line at each point.
    """

    points: Floats
    offsets: Integers
    width: Floats
    filled: NDArray[np.bool_]
    pressure: Floats

    @classmethod
    def of(
        cls, lines: Sequence[NDArray[np.floating]], width: float = 1.0, filled: Sequence[bool] | None = None
    ) -> Strokes:
        """Return strokes made of polylines (n, 2), drawn with one pen at full pressure."""
        counts = [len(line) for line in lines]
        points = np.concatenate(lines).astype(np.float32) if lines else np.zeros((0, 2), np.float32)
        return cls(
            points,
            np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
            np.full(len(lines), width, np.float32),
            np.zeros(len(lines), bool) if filled is None else np.asarray(filled, bool),
            np.ones(len(points), np.float32),
        )

    def __len__(self) -> int:
        return len(self.width)

    # Kept once computed: nothing of a drawing is ever changed in place.
    @cached_property
    def counts(self) -> Integers:
        """How many points each stroke has, (S,)."""
        return np.diff(self.offsets)

    @cached_property
    def owner(self) -> Integers:
        """Which stroke each point belongs to, (N,)."""
        return np.repeat(np.arange(len(self)), self.counts)

    @property
    def extent(self) -> float:
        """The longer side of the box around the drawing, in pixels; 0 where there is nothing."""
        return float(np.ptp(self.points, axis=0).max()) if len(self.points) else 0.0

    @cached_property
    def traveled(self) -> Floats:
        """How far along its stroke each point lies, (N,)."""
        steps = np.zeros(len(self.points), np.float32)
        steps[1:] = np.hypot(*(self.points[1:] - self.points[:-1]).T)
        steps[self.offsets[:-1]] = 0.0
        total = np.cumsum(steps, dtype=np.float64)
        return (total - np.repeat(total[self.offsets[:-1]], self.counts)).astype(np.float32)

    @cached_property
    def lengths(self) -> Floats:
        """The length of each stroke, (S,)."""
        return self.traveled[self.offsets[1:] - 1]

    def moved(self, matrix: NDArray[np.floating]) -> Strokes:
        """Return the strokes under an affine map (2, 3) of points; pens are scaled along."""
        points = self.points @ matrix[:, :2].T + matrix[:, 2]
        scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
        return replace(self, points=points.astype(np.float32), width=(self.width * scale).astype(np.float32))

    def with_width(self, width: float) -> Strokes:
        """Return the strokes drawn with a pen of so many pixels."""
        return replace(self, width=np.full(len(self), width, np.float32))

    def pieces(self, stroke: Integers, begin: Floats, end: Floats, step: float) -> Strokes:
        """Return new strokes: piece k is `stroke[k]` from `begin[k]` to `end[k]`, a point every `step` pixels or less.

        Positions are distances along the stroke. A piece has two points at least.
        """
        if not len(stroke):
            return Strokes.of([])
        counts = np.maximum(2, np.ceil((end - begin) / step).astype(np.int64) + 1)
        offsets = np.concatenate(([0], np.cumsum(counts)))
        index = np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
        share = index / np.repeat(counts - 1, counts)
        along = np.repeat(begin, counts) + share * np.repeat(end - begin, counts)
        # One interpolation for all: strokes lie one after the other on a common ruler, with room between them.
        traveled = self.traveled.astype(np.float64)
        lengths = traveled[self.offsets[1:] - 1]
        starts = np.concatenate(([0.0], np.cumsum(lengths[:-1] + 1.0)))
        ruler = traveled + np.repeat(starts, self.counts)
        wanted = np.repeat(starts[stroke], counts) + np.minimum(along, np.repeat(lengths[stroke], counts))
        x, y, pressure = (np.interp(wanted, ruler, values) for values in (*self.points.T, self.pressure))
        return Strokes(
            np.stack((x, y), axis=1).astype(np.float32),
            offsets,
            self.width[stroke],
            self.filled[stroke],
            pressure.astype(np.float32),
        )

    def resampled(self, step: float) -> Strokes:
        """Return the strokes with a point about every `step` pixels, themselves if they have that already."""
        if len(self.points) > 1:
            steps = self.traveled[1:] - self.traveled[:-1]
            if steps.max() <= FINE_ENOUGH * step:
                return self
        return self.pieces(np.arange(len(self)), np.zeros(len(self), np.float32), self.lengths, step)

    def drawn(self, height: int, width: int) -> NDArray[np.uint8]:
        """Return the drawing, (height, width, 1) uint8: black ink on white paper, with soft edges."""
        # Drawn larger and shrunk: soft edges, and pens that are right to a quarter of a pixel.
        enlarged = 4 if max(height, width) <= 1024 else 2
        page = np.full((height * enlarged, width * enlarged), 255, np.uint8)
        # OpenCV's pixels have their centers at whole numbers.
        points = np.round((self.points * enlarged - 0.5) * 2**SHIFT).astype(np.int32)[:, None]
        # One by one: together, what two of them cover would be paper again.
        for a, b in self._ranges(self.filled):
            cv2.fillPoly(page, [points[a:b]], 0, cv2.LINE_8, SHIFT)
        for tone, pen, lines in self._runs(points, enlarged):
            cv2.polylines(page, lines, False, tone, pen, cv2.LINE_8, SHIFT)
        return cv2.resize(page, (width, height), interpolation=cv2.INTER_AREA)[..., None].astype(np.uint8, copy=False)

    def _ranges(self, which: NDArray[np.bool_]) -> Iterable[tuple[int, int]]:
        return zip(self.offsets[:-1][which].tolist(), self.offsets[1:][which].tolist(), strict=True)

    def _runs(self, points: NDArray[np.int32], enlarged: int) -> Iterable[tuple[int, int, list[NDArray[np.int32]]]]:
        """Yield tone, pen in pixels and polylines: runs of points of one pressure, the lightest first."""
        if not len(self):
            return
        if (self.pressure == 1.0).all():
            begin, end, pressure = self.offsets[:-1], self.offsets[1:], np.ones(len(self), np.float32)
            pens = self.width
        else:
            per_stroke = np.maximum(1, (self.counts - 1) // RUN)
            owner = np.repeat(np.arange(len(self)), per_stroke)
            firsts = np.concatenate(([0], np.cumsum(per_stroke)))
            index = np.arange(firsts[-1]) - np.repeat(firsts[:-1], per_stroke)
            begin = self.offsets[:-1][owner] + index * RUN
            last = index == per_stroke[owner] - 1
            end = np.where(last, self.offsets[1:][owner], begin + RUN + 1)
            pressure = np.round(self.pressure[(begin + end) // 2].clip(0, 1) * TONES) / TONES
            pens = self.width[owner] * (0.5 + 0.5 * pressure)
        tones = 255 - np.round(255 * pressure).astype(int)
        # OpenCV draws a line of thickness 2 n or 2 n + 1 as 2 n + 1 pixels.
        pens = np.maximum(1, 2 * np.round((pens * enlarged - 1) / 2).astype(int))
        order = np.lexsort((pens, -tones))
        edges = np.flatnonzero(np.diff(tones[order]) | np.diff(pens[order])) + 1
        for group in np.split(order, edges):
            tone = int(tones[group[0]])
            if tone < 255:
                lines = [points[a:b] for a, b in zip(begin[group].tolist(), end[group].tolist(), strict=True)]
                yield tone, int(pens[group[0]]), lines


def joined(parts: Sequence[Strokes]) -> Strokes:
    """Return all the strokes of several drawings as one."""
    if not parts:
        return Strokes.of([])
    counts = np.concatenate([part.counts for part in parts])
    return Strokes(
        np.concatenate([part.points for part in parts]),
        np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        np.concatenate([part.width for part in parts]),
        np.concatenate([part.filled for part in parts]),
        np.concatenate([part.pressure for part in parts]),
    )
