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


@dataclass(frozen=True)
class Strokes:
    """One to `count` brush strokes of one to `segments` straight segments that zigzag across the picture.

    A segment turns by up to `angle` radians, to alternating sides, and is up to `length` long; its brush is
    up to `width` pixels wide, round at its ends. Segments end at the picture's border.
    """

    count: int
    segments: int
    angle: float
    length: int
    width: int

    def draw(self, mask: Mask, rng: np.random.Generator) -> None:
        """Set `mask` (H, W) to 1 under the strokes."""
        height, width = mask.shape
        # Plain numbers: NumPy's own calls would cost more than the drawing.
        for _ in range(rng.integers(1, self.count + 1)):
            start, *turns = rng.random((1 + rng.integers(1, self.segments + 1), 3)).tolist()
            y, x = int(start[0] * height), int(start[1] * width)
            side = 1.0
            for turn, reach, brush in turns:
                angle = side * self.angle * turn
                y_end = y + round(self.length * reach * math.sin(angle))
                x_end = x + round(self.length * reach * math.cos(angle))
                y_end, x_end = min(max(y_end, 0), height - 1), min(max(x_end, 0), width - 1)
                cv2.line(mask, (x, y), (x_end, y_end), 1, 1 + int(self.width * brush))
                y, x, side = y_end, x_end, -side


@dataclass(frozen=True)
class Boxes:
    """One to `count` rectangles, sides uniform in [`low`, `high`], at least `margin` off the border."""

    count: int
    low: int
    high: int
    margin: int

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
