"""Free-form holes: brush strokes or boxes, as LaMa trains with (Suvorov et al. 2021)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from henkan.data.masks import Mask
from henkan.degradations.holes import Holes, center_of, drawn
from henkan.errors import UserError
from henkan.sample import Parameters

# The release's least turn, in radians: its angles are whole numbers, and this much more.
LEAST_TURN = 0.01


@dataclass(frozen=True)
class Strokes:
    """`count` brush strokes, each of one to `segments` straight segments end to end.

    `count`, and a segment's `length` and `width` in pixels, are [low, high]: whole, both ends included. A segment's
    angle from straight down is a whole number of radians below `angles`, and 0.01 more; a stroke keeps to one side, the
    first to the left, the second to the right, and so on. The brush is round; segments end at the picture's border.

    LaMa's release draws so (RandomIrregularMaskGenerator of saicinpainting/training/data/masks.py with the numbers of
    configs/training/data/abl-04-256-mh-dist.yaml): 1 to 6 strokes, as its class adds one to max_times = 5, of 1 to 5
    segments, 4 angles, lengths of 10 to 209 and widths of 5 to 104 in pictures of 256, of which 46 % are covered.
    """

    count: Sequence[int]
    segments: int
    angles: int
    length: Sequence[int]
    width: Sequence[int]

    def __post_init__(self) -> None:
        for name in ("count", "length", "width"):
            low, high = getattr(self, name)
            if not 1 <= low <= high:
                raise UserError(f"strokes.{name}=[{low}, {high}] must rise, from 1 or more")
        for name in ("segments", "angles"):
            if getattr(self, name) < 1:
                raise UserError(f"strokes.{name}={getattr(self, name)} must be 1 or more")

    def draw(self, mask: Mask, rng: np.random.Generator) -> None:
        """Set `mask` (H, W) to 1 under the strokes."""
        height, width = mask.shape
        (shortest, longest), (thinnest, thickest) = self.length, self.width
        side = -1.0
        # Plain numbers: NumPy's own calls would cost more than the drawing.
        for _ in range(rng.integers(self.count[0], self.count[1] + 1)):
            start, *turns = rng.random((1 + rng.integers(1, self.segments + 1), 3)).tolist()
            x, y = int(start[0] * width), int(start[1] * height)
            for turn, reach, brush in turns:
                angle = side * (LEAST_TURN + int(turn * self.angles))
                length = shortest + int(reach * (longest - shortest + 1))
                x_end = min(max(x + round(length * math.sin(angle)), 0), width - 1)
                y_end = min(max(y + round(length * math.cos(angle)), 0), height - 1)
                cv2.line(mask, (x, y), (x_end, y_end), 1, thinnest + int(brush * (thickest - thinnest + 1)))
                x, y = x_end, y_end
            side = -side


@dataclass(frozen=True)
class Boxes:
    """One to `count` rectangles, sides uniform in [`low`, `high`], at least `margin` off the border."""

    count: int
    low: int
    high: int
    margin: int

    def __post_init__(self) -> None:
        if self.count < 1 or self.margin < 0:
            raise UserError(f"boxes.count={self.count} must be 1 or more, and boxes.margin={self.margin} 0 or more")

    def draw(self, mask: Mask, rng: np.random.Generator) -> None:
        """Set `mask` (H, W) to 1 under the boxes; raises `UserError` if none fits."""
        rooms = [side - 2 * self.margin for side in mask.shape]
        if not 1 <= self.low <= min(self.high, *rooms):
            shape = f"{mask.shape[1]}x{mask.shape[0]}"
            raise UserError(f"boxes of {self.low} to {self.high} pixels do not fit a picture of {shape}: lower them")
        for chance in rng.random((rng.integers(1, self.count + 1), 2, 2)).tolist():
            spans = []
            for room, (extent, place) in zip(rooms, chance, strict=True):
                side = self.low + int(extent * (min(self.high, room) - self.low + 1))
                start = self.margin + int(place * (room - side + 1))
                spans.append(slice(start, start + side))
            mask[spans[0], spans[1]] = 1


class FreeForm(Holes):
    """Brush strokes with probability `share`, else boxes; a window is centered on the box around them."""

    def __init__(self, fill: Sequence[float], strokes: Strokes, boxes: Boxes, share: float = 0.5) -> None:
        super().__init__(fill)
        if not 0.0 <= share <= 1.0:
            raise UserError(f"degradation.share={share} must lie in [0, 1]")
        self.strokes, self.boxes, self.share = strokes, boxes, share

    def draw(self, target: NDArray[np.uint8], rng: np.random.Generator, name: str = "") -> Parameters:
        (mask, kind), (other, _) = self._mask(target, rng), self._mask(target, rng)
        return drawn(mask, center_of(mask), center_of(other), kind)

    def _mask(self, target: NDArray[np.uint8], rng: np.random.Generator) -> tuple[Mask, str]:
        mask = np.zeros(target.shape[:2], np.uint8)
        if rng.random() < self.share:
            self.strokes.draw(mask, rng)
            return mask, "strokes"
        self.boxes.draw(mask, rng)
        return mask, "boxes"
