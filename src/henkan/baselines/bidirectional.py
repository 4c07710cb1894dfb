"""Another size for a picture by bidirectional similarity (Simakov, Caspi, Shechtman, Irani 2008)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from henkan.baselines.baseline import Baseline
from henkan.baselines.nearest import Floats, NearestField
from henkan.errors import UserError
from henkan.randomness import generator_for

_LEAPS = (8, 4, 2, 1)
_COARSEST = 3
"""The coarsest level is at least so many patches high and wide."""
_STEP = 0.9
"""On the coarsest level the size changes by so little at a time that what is there is a good guess of what comes."""

Shape = tuple[int, int]


@dataclass(frozen=True)
class Similarity:
    """The most similar patches of two pictures, both ways: those in the source of the target's, and the reverse."""

    coherence: NearestField
    completeness: NearestField

    def search(self, source: Floats, target: Floats, passes: int) -> float:
        """Improve both fields; return their distance, the sum of the mean squared differences in either direction."""
        self.coherence.compare(source, target)
        self.completeness.compare(target, source)
        for field in (self.coherence, self.completeness):
            field.search(passes, _LEAPS)
        return float(self.coherence.cost.mean() + self.completeness.cost.mean())

    def vote(self, source: Floats, shape: Shape) -> Floats:
        """Return the picture whose pixels are the means of what the patches over them say, in both directions."""
        total, weight = np.zeros((*shape, 3)), np.zeros(shape)
        places, side = self.coherence.number.shape, self.coherence.side
        y, x = (axis.reshape(places) for axis in self.coherence.match)
        one = 1 / self.coherence.cost.size
        for dy, dx in np.ndindex(side, side):
            window = np.s_[dy : dy + places[0], dx : dx + places[1]]
            total[window] += one * source[y + dy, x + dx]
            weight[window] += one
        # Several patches of the source may go to the same of the target.
        y, x = self.completeness.match
        one = 1 / self.completeness.cost.size
        number = y.astype(np.intp) * shape[1] + x
        flat, counted = total.reshape(-1, 3), weight.reshape(-1)
        for dy, dx in np.ndindex(side, side):
            at = number + dy * shape[1] + dx
            shown = source[self.completeness.query_y + dy, self.completeness.query_x + dx]
            for channel in range(3):
                flat[:, channel] += one * np.bincount(at, shown[:, channel], counted.size)
            counted += one * np.bincount(at, minlength=counted.size)
        return np.asarray(total / weight[..., None], np.float32)


class Bidirectional(Baseline):
    """Gives a picture another size, `size` (width, height), by leaving out or repeating what it shows.

    All patches of the new picture should be like some of the old one (coherence), and all of the old one like some of
    the new (completeness): Σ min D / N over the patches of either, with D in Lab, is made small. From coarse to fine,
    `iterations` times a level, the most similar patches of `side` pixels are searched, by `passes` of PatchMatch, and
    each pixel becomes the mean of what the patches over it say, those of either kind weighing 1 / N. On the coarsest
    level the size changes gradually, with twice as many iterations for each step.

    Input: `image` (B, 3, H, W) in [0, 1]. Returns `raw` (B, 3, h, w) in [0, 1]. The search is random, but always the
    same for one picture. Raises `UserError` where a side is shorter than a patch.
    """

    def __init__(self, size: Sequence[int], side: int = 7, iterations: int = 4, passes: int = 1) -> None:
        super().__init__()
        if not isinstance(size, Sequence) or len(size) != 2 or not all(isinstance(length, int) for length in size):
            raise UserError(f"generator.size={size} must be a width and a height in pixels: generator.size=[320,240]")
        self.size, self.side, self.iterations, self.passes = (size[0], size[1]), side, iterations, passes

    @torch.no_grad()
    def forward(self, image: Tensor) -> dict[str, Tensor]:
        if min(*self.size, *image.shape[-2:]) < self.side:
            raise UserError(
                f"generator.size={list(self.size)} of a picture of {image.shape[-1]}x{image.shape[-2]} pixels: no side "
                f"may be shorter than a patch, generator.side={self.side}"
            )
        made = []
        for picture in image.float().clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy():
            colors = np.asarray(cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2Lab), np.float32)
            made.append(cv2.cvtColor(self.retargeted(colors), cv2.COLOR_Lab2RGB))
        return {"raw": torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2).clamp(0, 1).to(image)}

    def retargeted(self, source: Floats) -> Floats:
        """Return a picture (H, W, 3) at the new size."""
        rng = generator_for(0, "bidirectional")
        sources, goals = [source], [(self.size[1], self.size[0])]
        while min(*shape_of(sources[-1]), *goals[-1]) >= 2 * _COARSEST * self.side:
            sources.append(resized(sources[-1], half(shape_of(sources[-1]))))
            goals.append(half(goals[-1]))
        target = sources[-1]
        for shape in gradually(shape_of(target), goals[-1]):
            target = resized(target, shape)
            found = begun(shape_of(sources[-1]), shape, self.side, rng)
            for _ in range(2 * self.iterations):
                found.search(sources[-1], target, self.passes)
                target = found.vote(sources[-1], shape)
        for finer, shape in zip(sources[-2::-1], goals[-2::-1], strict=True):
            ends = corners(shape_of(finer), self.side), corners(shape, self.side)
            found = Similarity(doubled(found.coherence, *ends), doubled(found.completeness, *ends[::-1]))
            target = found.vote(finer, shape)
            for _ in range(self.iterations):
                found.search(finer, target, self.passes)
                target = found.vote(finer, shape)
        return target


def begun(source: Shape, target: Shape, side: int, rng: np.random.Generator) -> Similarity:
    """Return fields between pictures of two shapes, each match where it would be if one picture were stretched."""

    def field(sources: Shape, queries: Shape) -> NearestField:
        y, x = (axis.ravel() for axis in np.indices(queries))
        ends = [(there - 1) / max(here - 1, 1) for there, here in zip(sources, queries, strict=True)]
        start = np.rint(np.stack([y * ends[0], x * ends[1]])).astype(np.int32)
        return NearestField(np.ones(sources, bool), np.ones(queries, bool), side, start, rng)

    ends = corners(source, side), corners(target, side)
    return Similarity(field(*ends), field(*ends[::-1]))


def doubled(field: NearestField, sources: Shape, queries: Shape) -> NearestField:
    """Return the field of the next finer level, its offsets twice as long."""
    y, x = (axis.ravel() for axis in np.indices(queries))
    parents = [np.minimum(axis // 2, length - 1) for axis, length in zip((y, x), field.number.shape, strict=True)]
    rows = field.number[parents[0], parents[1]]
    start = 2 * field.match[:, rows] + np.stack([y - 2 * parents[0], x - 2 * parents[1]])
    limits = np.array(sources)[:, None] - 1
    start = np.minimum(start, limits).astype(np.int32)
    return NearestField(np.ones(sources, bool), np.ones(queries, bool), field.side, start, field.rng)


def gradually(first: Shape, last: Shape) -> Iterator[Shape]:
    """Yield the shapes on the way from one to another, of which no side changes by much at a time."""
    ratios = [end / begin for begin, end in zip(first, last, strict=True)]
    steps = max(1, math.ceil(max(abs(math.log(ratio)) for ratio in ratios) / -math.log(_STEP)))
    for step in range(1, steps + 1):
        height, width = (round(begin * ratio ** (step / steps)) for begin, ratio in zip(first, ratios, strict=True))
        yield height, width


def corners(shape: Shape, side: int) -> Shape:
    """Return how many patches fit into a picture, down and across."""
    return shape[0] - side + 1, shape[1] - side + 1


def half(shape: Shape) -> Shape:
    """Return the shape of the next coarser level."""
    return (shape[0] + 1) // 2, (shape[1] + 1) // 2


def shape_of(picture: Floats) -> Shape:
    """Return height and width."""
    return picture.shape[0], picture.shape[1]


def resized(picture: Floats, shape: Shape) -> Floats:
    """Return a picture of another shape, averaged where it becomes smaller."""
    return np.asarray(cv2.resize(picture, shape[::-1], interpolation=cv2.INTER_AREA), np.float32)
