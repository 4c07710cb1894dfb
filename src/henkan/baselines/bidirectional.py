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
from henkan.baselines.nearest import Floats, NearestField, windows
from henkan.baselines.uncovering import Uncovering
from henkan.errors import UserError
from henkan.randomness import generator_for

_LEAPS = (8, 4, 2, 1)
_COARSEST = 3
"""The coarsest level is at least so many patches high and wide."""
_STEP = 0.9
"""On the coarsest level the size changes by so little at a time that what is there is a good guess of what comes."""
_LEAST = 0.02
"""What counts at least: something has to be shown where nothing is important."""

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

    def vote(self, source: Floats, shape: Shape, weights: Floats) -> Floats:
        """Return the picture whose pixels are the means of what the patches over them say, in both directions.

        What a patch says counts by the `weights` of the source's patches, by corner: its own, or its match's.
        """
        total, weight = np.zeros((*shape, 3)), np.zeros(shape)
        places, side = self.coherence.number.shape, self.coherence.side
        y, x = (axis.reshape(places) for axis in self.coherence.match)
        ones = weights[y, x] / weights[y, x].sum(dtype=float)
        for dy, dx in np.ndindex(side, side):
            window = np.s_[dy : dy + places[0], dx : dx + places[1]]
            total[window] += ones[..., None] * source[y + dy, x + dx]
            weight[window] += ones
        # Several patches of the source may go to the same of the target.
        y, x = self.completeness.match
        ones = weights[self.completeness.query_y, self.completeness.query_x] / weights.sum(dtype=float)
        number = y.astype(np.intp) * shape[1] + x
        flat, counted = total.reshape(-1, 3), weight.reshape(-1)
        for dy, dx in np.ndindex(side, side):
            at = number + dy * shape[1] + dx
            shown = source[self.completeness.query_y + dy, self.completeness.query_x + dx]
            for channel in range(3):
                flat[:, channel] += np.bincount(at, ones * shown[:, channel], counted.size)
            counted += np.bincount(at, ones, counted.size)
        return np.asarray(total / weight[..., None], np.float32)


class Bidirectional(Baseline):
    """Gives a picture another size, `size` (width, height), by leaving out or repeating what it shows.

    All patches of the new picture should be like some of the old one (coherence), and all of the old one like some of
    the new (completeness): Σ min D / N over the patches of either, with D in Lab, is made small. From coarse to fine,
    `iterations` times a level, the most similar patches of `side` pixels are searched, by `passes` of PatchMatch, and
    each pixel becomes the mean of what the patches over it say, those of either kind weighing 1 / N. On the coarsest
    level the size changes gradually, with twice as many iterations for each step. Where parts of the picture are of
    different `importance`, D and votes weigh w / Σ w in place of 1 / N, w being the mean importance of the patch of the
    source, and no less than a fiftieth of the highest that can be.

    Input: `image` (B, 3, H, W) and `importance` (B, 1, H, W), none: 1 everywhere, in [0, 1]. Returns `raw`
    (B, 3, h, w) in [0, 1]. The search is random, but always the same for one picture. Raises `UserError` where a side
    is shorter than a patch, and without a size. `moved` keeps the size, and has an object stand elsewhere.
    """

    def __init__(self, size: Sequence[int] | None = None, side: int = 7, iterations: int = 4, passes: int = 1) -> None:
        super().__init__()
        if size is not None and not is_size(size):
            raise UserError(f"generator.size={size} must be a width and a height in pixels: generator.size=[320,240]")
        if side < 2 or iterations < 0 or passes < 0:
            raise UserError(
                f"generator.side={side} must be 2 or more, generator.iterations={iterations} and "
                f"generator.passes={passes} 0 or more"
            )
        self.size = None if size is None else (size[0], size[1])
        self.side, self.iterations, self.passes = side, iterations, passes

    @torch.no_grad()
    def forward(self, image: Tensor, importance: Tensor | None = None) -> dict[str, Tensor]:
        if self.size is None:
            raise UserError("generator.size=null: say which size pictures are to have, as in generator.size=[320,240]")
        if min(*self.size, *image.shape[-2:]) < self.side:
            raise UserError(
                f"generator.size={list(self.size)} of a picture of {image.shape[-1]}x{image.shape[-2]} pixels: no side "
                f"may be shorter than a patch, generator.side={self.side}"
            )
        weights = torch.ones_like(image[:, :1]) if importance is None else importance
        made = []
        for picture, counts in zip(
            image.float().clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy(),
            weights[:, 0].float().cpu().numpy(),
            strict=True,
        ):
            colors = np.asarray(cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2Lab), np.float32)
            made.append(cv2.cvtColor(self.retargeted(colors, counts, self.size), cv2.COLOR_Lab2RGB))
        return {"raw": torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2).clamp(0, 1).to(image)}

    @torch.no_grad()
    def moved(self, image: Tensor, mask: Tensor, move: tuple[int, int], hole: Tensor | None = None) -> Tensor:
        """Return pictures whose object, where `mask` is 1, stands `move` pixels further right and down.

        What it leaves, or a larger `hole` around it, is filled, both ways again: all that is filled in is like
        something outside, and what the object newly covers has its say in it. All else stays as it is. Shapes and
        ranges as in `forward`. Raises `UserError` where the object would leave the picture, and where the hole covers
        all of it.
        """
        across, down = move
        held = mask > 0
        places = held.nonzero()
        last = torch.tensor(mask.shape[-2:], device=mask.device)
        ends = places[:, 2:] + torch.tensor([down, across], device=mask.device)
        if ((ends < 0) | (ends >= last)).any():
            raise UserError(f"move=[{across},{down}] takes the object out of its picture of {last[1]}x{last[0]} pixels")
        there = torch.zeros_like(held)
        there[places[:, 0], places[:, 1], ends[:, 0], ends[:, 1]] = True
        made = []
        left = held if hole is None else held | (hole > 0)
        for picture, gone, own, cover in zip(image, left, held, there, strict=True):
            uncover = Uncovering(cover[0].cpu().numpy(), self.side)
            found = uncover(picture[None], gone[None].float())["raw"][0]
            found[:, cover[0]] = picture[:, own[0]]
            made.append(found)
        return torch.stack(made)

    def retargeted(self, source: Floats, importance: Floats, size: tuple[int, int]) -> Floats:
        """Return a picture (H, W, 3) at a new size (width, height), as much of it as `importance` (H, W) says."""
        rng = generator_for(0, "bidirectional")
        sources, goals, weights = [source], [size[::-1]], [importance]
        while min(*shape_of(sources[-1]), *goals[-1]) >= 2 * _COARSEST * self.side:
            sources.append(resized(sources[-1], half(shape_of(sources[-1]))))
            weights.append(resized(weights[-1], half(shape_of(weights[-1]))))
            goals.append(half(goals[-1]))
        counts = [of_patches(level, self.side) for level in weights]
        target = sources[-1]
        for shape in gradually(shape_of(target), goals[-1]):
            target = resized(target, shape)
            found = begun(shape_of(sources[-1]), shape, self.side, rng)
            for _ in range(2 * self.iterations):
                found.search(sources[-1], target, self.passes)
                target = found.vote(sources[-1], shape, counts[-1])
        for finer, shape, count in zip(sources[-2::-1], goals[-2::-1], counts[-2::-1], strict=True):
            ends = corners(shape_of(finer), self.side), corners(shape, self.side)
            found = Similarity(doubled(found.coherence, *ends), doubled(found.completeness, *ends[::-1]))
            target = found.vote(finer, shape, count)
            for _ in range(self.iterations):
                found.search(finer, target, self.passes)
                target = found.vote(finer, shape, count)
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


def is_size(size: object) -> bool:
    """Whether something is a width and a height."""
    return isinstance(size, Sequence) and len(size) == 2 and all(isinstance(length, int) for length in size)


def of_patches(importance: Floats, side: int) -> Floats:
    """Return how much patches count, by upper left corner: their means, and at least `_LEAST`."""
    means = windows(importance[..., None], side).mean(axis=(2, 3))
    return np.asarray(np.maximum(means, np.float32(_LEAST)), np.float32)


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
