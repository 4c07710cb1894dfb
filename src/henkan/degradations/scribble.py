"""Pictures as a sketch and a few strokes of color (Scribbler: Sangkloy, Lu, Fang, Yu, Hays 2017)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from henkan.data.operator import Draws, uniform
from henkan.degradations.degradation import Degradation
from henkan.degradations.line_extraction import DeviceExtractor, LineExtractor
from henkan.errors import UserError
from henkan.sample import Parameters, Sample

Floats = NDArray[np.float32]
# Blurred colors that are farther from the picture's are mixed from several; as close to white they cannot be seen.
WHITE, MIXED = np.array((100.0, 0.0, 0.0), np.float32), 8.0
# Fixed point of OpenCV's lines: a sixteenth of a pixel.
SHIFT = 4
# A pen's outline is looked at in so many directions.
ANGLES = np.linspace(0.0, 2.0 * math.pi, 8, endpoint=False)
RIM = np.concatenate((np.zeros((1, 2)), np.column_stack((np.sin(ANGLES), np.cos(ANGLES))))).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class ColorStrokes:
    """Draws strokes over white, each in one color of the picture (H, W, 3).

    `count` bounds how many; a share `empty` of samples has none. Each starts at random, in the color that the picture,
    blurred by `blur`, has there, and runs in a random direction, bending by up to `bend` degrees, until the blurred
    picture departs from that color anywhere under the pen by more than `tolerance` (Euclidean, CIELAB). `length`,
    `thickness` and `blur` are shares of the picture's longer side; length and thickness are uniform between two.

    Of `tries` places the first is taken where the pen fits into its color, the blurred color is the picture's, and not
    white, which says nothing; where there is none, a dot of one pixel at the best of them.
    """

    count: Sequence[int]
    length: Sequence[float]
    thickness: Sequence[float]
    blur: float
    tolerance: float
    bend: float
    empty: float
    tries: int = 8

    def __post_init__(self) -> None:
        for name, least in (("count", 1), ("length", 0.0), ("thickness", 0.0)):
            low, high = getattr(self, name)
            if not least <= low <= high:
                raise UserError(f"degradation.strokes.{name}=[{low}, {high}] must rise, from {least} or more")
        if not 0.0 <= self.empty <= 1.0:
            raise UserError(f"degradation.strokes.empty={self.empty} must lie in [0, 1]")
        if self.blur <= 0.0 or self.tries < 1:
            raise UserError(f"degradation.strokes: blur={self.blur} must be above 0, and tries={self.tries} 1 or more")

    def __call__(self, picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return the strokes, (H, W, 3) uint8, 255 elsewhere."""
        canvas = np.full_like(picture, 255)
        if rng.random() < self.empty:
            return canvas
        side = max(picture.shape[:2])
        soft = np.asarray(cv2.GaussianBlur(picture, (0, 0), self.blur * side), np.uint8)
        lab = to_lab(soft)
        count = int(rng.integers(self.count[0], self.count[1] + 1))
        # OpenCV's lines are an odd number of pixels wide: 2 n + 1 where 2 n are asked for.
        pens = 2 * np.rint((between(self.thickness, count, rng) * side - 1) / 2).clip(min=0).astype(int) + 1
        starts, fits = self._starts(picture, lab, pens, rng)
        pens = np.where(fits, pens, 1)
        colors = lab[starts[:, 0], starts[:, 1]]
        points = self._ways(starts, side, rng)
        # Pixels of a stroke before the first that departs from its color; where it does not fit at all the start alone.
        inside = (departure(lab, points, pens[:, None], colors[:, None]) <= self.tolerance) & fits[:, None]
        ends = np.where(inside.all(axis=1), inside.shape[1], inside.argmin(axis=1))
        ends = np.minimum(ends, 1 + (between(self.length, count, rng) * side).astype(int))
        fixed = np.rint(points[..., ::-1] * 2**SHIFT).astype(np.int32)
        tones = soft[starts[:, 0], starts[:, 1]].tolist()
        for way, end, tone, pen in zip(fixed, ends.tolist(), tones, pens.tolist(), strict=True):
            # One point twice is a dot.
            line = way[:end] if end > 1 else way[[0, 0]]
            cv2.polylines(canvas, [line], False, tone, max(1, pen - 1), cv2.LINE_8, SHIFT)
        return canvas

    def _starts(
        self, picture: NDArray[np.uint8], lab: Floats, pens: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return where strokes start, (K, 2) as (y, x), and whether these are good places."""
        places = (rng.random((self.tries, len(pens), 2)) * picture.shape[:2]).astype(np.int64)
        here = lab[places[..., 0], places[..., 1]]
        true = to_lab(picture[places[..., 0], places[..., 1]])
        away = np.maximum(departure(lab, places, pens, here), distance(true, here) * (self.tolerance / MIXED))
        away += np.where(distance(here, WHITE) < MIXED, 2 * self.tolerance, 0.0)
        # The first that is good enough is the first minimum, once better than enough counts as enough.
        chosen = np.maximum(away, self.tolerance).argmin(axis=0), np.arange(len(pens))
        return places[chosen], away[chosen] <= self.tolerance

    def _ways(self, starts: NDArray[np.int64], side: int, rng: np.random.Generator) -> Floats:
        """Return the points that strokes would go through, a pixel apart, (K, steps, 2) as (y, x)."""
        steps = 1 + int(self.length[1] * side)
        along = np.linspace(0.0, 1.0, steps)
        angle = rng.uniform(0.0, 2.0 * math.pi, (len(starts), 1))
        # A bow and a wave: what a wrist does.
        bow, wave = np.radians(self.bend) * rng.uniform(-1.0, 1.0, (2, len(starts), 1))
        angles = angle + bow * along + wave * np.sin(2.0 * math.pi * along)
        moves = np.stack((np.sin(angles), np.cos(angles)), axis=2)
        moves[:, 0] = starts
        return np.asarray(moves.cumsum(axis=1), np.float32)


class Scribble(Degradation):
    """A color picture as `source`, a sketch of it (1 = paper), and `strokes`, its colors here and there, else white.

    The sketch is made by one of the extractors `sketches` (named; null: left out), drawn at random for every sample;
    one that is a network works where the pictures are. Where a sample brings its true drawing as `lines`, that is the
    sketch, in a share `true_lines` of samples.
    """

    def __init__(
        self, sketches: Mapping[str, LineExtractor | None], strokes: ColorStrokes, true_lines: float = 1.0
    ) -> None:
        self.sketches = LineExtractor.chosen("degradation.sketches", sketches)
        if not sum(one.chance for one in self.sketches.values()):
            raise UserError("degradation.sketches names no extractor with a chance: leave one of them in")
        if not 0.0 <= true_lines <= 1.0:
            raise UserError(f"degradation.true_lines={true_lines} must lie in [0, 1]")
        self.strokes, self.true_lines = strokes, true_lines
        self.draws = Draws(self.sketches)
        self._happens = [self.draws.columns[name, "happens"] for name in self.sketches]
        keys = [blake2b(name.encode(), digest_size=8).digest() for name in self.sketches]
        self._keys = np.array([int.from_bytes(key, "big") for key in keys], np.uint64)
        self._chances = np.array([one.chance for one in self.sketches.values()])

    def draw(self, target: NDArray[np.uint8], rng: np.random.Generator, name: str = "") -> Parameters:
        if target.shape[2] != 3:
            raise UserError(f"{name}: strokes of color need pictures in color, and this one is grey: choose other data")
        number, true = int(rng.integers(2**63)), bool(rng.random() < self.true_lines)
        places = rng.integers(0, target.shape[:2], (2, 2))
        row = self.draws.draw(number)
        chosen = self._chosen(number)
        row[self._happens] = 0.0
        row[self.draws.columns[chosen, "happens"]] = 1.0
        settings = {setting: row[self.draws.columns[chosen, setting]] for setting in self.draws.settings(chosen)}
        sketch = self.sketches[chosen](target, **settings)
        return {
            "source": np.rint(sketch * 255).astype(np.uint8)[None],
            "strokes": self.strokes(target, rng).transpose(2, 0, 1),
            "parameters": np.append(row, float(true)),
            "window": places[0],
            "window_real": places[1],
        }

    def _chosen(self, number: int) -> str:
        """Return an extractor for the sample that has this number, as likely as its `chance` is large.

        The largest u^(1/chance) wins (Efraimidis, Spirakis 2006): leaving one out changes only the samples it had.
        """
        with np.errstate(divide="ignore"):
            # uniform() may be 0; a chance of 0 never wins.
            keys = np.log(uniform(self._keys ^ np.uint64(number)) + 1e-300) / self._chances
        return list(self.sketches)[int(keys.argmax())]

    def apply(self, sample: Sample) -> Sample:
        for name, extractor in self.sketches.items():
            if isinstance(extractor, DeviceExtractor):
                sample = self._drawn_here(sample, name, extractor)
        if "lines" not in sample:
            return sample
        drawing: Tensor = sample["lines"]
        true = (sample["parameters"][:, -1] > 0).to(drawing.device).view(-1, 1, 1, 1)
        return {**sample, "source": torch.where(true, drawing, sample["source"])}

    def _drawn_here(self, sample: Sample, name: str, extractor: DeviceExtractor) -> Sample:
        """Return the batch with the sketches of an extractor that works where the pictures are."""
        rows = sample["parameters"]
        chosen = rows[:, self.draws.columns[name, "happens"]] > 0
        if "lines" in sample:
            # Of a true drawing no sketch is needed.
            chosen = chosen & (rows[:, -1] == 0)
        if not chosen.any():
            return sample
        settings = {one: rows[chosen, self.draws.columns[name, one]] for one in self.draws.settings(name)}
        source: Tensor = sample["source"].clone()
        places = chosen.to(source.device)
        source[places] = extractor.batch(sample["target"][places], settings).to(source)
        return {**sample, "source": source}

    def describe(self, row: Sequence[float]) -> dict[str, object]:
        """Return what was drawn for a sample, in words: the extractor's settings, and whether true lines go first."""
        return {"true_lines": bool(row[-1]), **self.draws.describe(row[:-1])}


def between(bounds: Sequence[float], count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return numbers drawn uniformly between two."""
    low, high = bounds
    return rng.uniform(low, high, count)


def departure(lab: Floats, points: NDArray[Any], pens: NDArray[np.int64], colors: Floats) -> Floats:
    """Return the largest distance from `colors` (..., 3) in the picture `lab` under pens at points (..., 2), (y, x)."""
    rim = points[..., None, :] + RIM * (pens[..., None, None] / 2)
    rows, columns = (
        np.rint(rim[..., axis]).astype(np.int32).clip(0, length - 1) for axis, length in enumerate(lab.shape[:2])
    )
    return np.asarray(distance(lab[rows, columns], colors[..., None, :]).max(axis=-1))


def distance(colors: Floats, others: Floats) -> Floats:
    """Return the Euclidean distances of colors (..., 3)."""
    return np.asarray(np.sqrt(np.square(colors - others).sum(axis=-1)))


def to_lab(picture: NDArray[np.uint8]) -> Floats:
    """Return the CIELAB colors of 8-bit RGB (H, W, 3), by OpenCV: within half a unit of `henkan.color`'s."""
    return np.asarray(cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2Lab), np.float32)
