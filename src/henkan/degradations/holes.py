"""Rectangular holes (Iizuka, Simo-Serra, Ishikawa 2017), filled with one color."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from henkan.data.masks import Mask
from henkan.degradations.degradation import Degradation
from henkan.errors import UserError
from henkan.sample import Parameters, Sample

Center = NDArray[np.int64]
"""(y, x)."""


class Holes(Degradation):
    """What holes share: `source` is the target, and `fill` ([r, g, b] in [0, 1]) where `mask` is 1.

    Each draws `mask` (1, H, W) uint8; `window` and `window_real`, the centers (y, x) of the hole and of a second,
    independent one, the place where a real picture's local window is cut (GLCIC's M_d); `area`, the share of the
    picture that is missing; and `kind`, a word.
    """

    def __init__(self, fill: Sequence[float]) -> None:
        self.fill = list(fill)

    def apply(self, sample: Sample) -> Sample:
        return {**sample, "source": filled(sample["target"], sample["mask"], self.fill)}


def filled(target: Tensor, mask: Tensor, color: Sequence[float]) -> Tensor:
    """Return pictures (B, C, H, W) with one color (C numbers) where the mask (B, 1, H, W) is not 0."""
    # Written by the device itself: a tensor made here and copied there would be waited for.
    fill = torch.cat([target.new_full((1, 1, 1, 1), value) for value in color], dim=1)
    return target.where(mask == 0, fill)


@dataclass(frozen=True)
class Content:
    """What a hole must hold: a share `minimum` of drawing, of pixels off the plain `background`.

    A pixel is plain where every channel is within `tolerance` (of 255) of `background` ([red, green, blue] in
    [0, 1]). Of `tries` candidates the first with enough drawing is taken, else the one with most.
    """

    minimum: float
    background: Sequence[float] = (1.0, 1.0, 1.0)
    tolerance: int = 8
    tries: int = 64

    def __post_init__(self) -> None:
        if self.tries < 1:
            raise UserError(f"degradation.content.tries={self.tries} must be 1 or more")

    def choose(self, target: NDArray[np.uint8], boxes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return which candidates to take: (K,) of `boxes` (K, tries, 4), rows (top, left, height, width)."""
        # Of grey drawings the first says it.
        plain = [255.0 * value for value in self.background[: target.shape[2]]]
        lower, upper = (tuple(value + way * self.tolerance for value in plain) for way in (-1, 1))
        # Entry (y, x) counts what is plain above and left of it, so four of them count inside a box.
        sums = cv2.integral(np.minimum(cv2.inRange(target, lower, upper), 1)).ravel()
        row = target.shape[1] + 1
        top, left, height, width = boxes.transpose(2, 0, 1)
        corner, below = top * row + left, height * row
        inside = sums[corner + below + width] - sums[corner + below] - sums[corner + width] + sums[corner]
        share = 1.0 - inside / (height * width)
        # The first with enough is the first maximum, once more than enough counts as enough.
        chosen: NDArray[np.int64] = np.minimum(share, self.minimum).argmax(axis=1)
        return chosen


class Rectangle(Holes):
    """One rectangle, each side uniform in [`low`, `high`], at random inside a window placed at random.

    The window is `window` x `window` pixels and lies inside the picture; the hole lies inside the window.
    `content` says what both holes must hold.
    """

    def __init__(self, low: int, high: int, window: int, fill: Sequence[float], content: Content | None = None) -> None:
        super().__init__(fill)
        if not 1 <= low <= high <= window:
            raise UserError(f"a hole needs 1 <= low <= high <= window, and has low={low}, high={high}, window={window}")
        self.low, self.high, self.window, self.content = low, high, window, content

    def draw(self, target: NDArray[np.uint8], rng: np.random.Generator, name: str = "") -> Parameters:
        if min(target.shape[:2]) < self.window:
            shape = f"{target.shape[1]}x{target.shape[0]}"
            raise UserError(f"a hole's window of {self.window} pixels does not fit a picture of {shape}: lower window")
        tries = 1 if self.content is None else self.content.tries
        # All candidates of both holes at once: sides, the window's place, the hole's place in the window.
        chance = rng.random((3, 2, tries, 2))
        sides = self.low + (chance[0] * (self.high - self.low + 1)).astype(np.int64)
        windows = (chance[1] * (np.array(target.shape[:2]) - self.window + 1)).astype(np.int64)
        corners = windows + (chance[2] * (self.window - sides + 1)).astype(np.int64)
        boxes = np.concatenate((corners, sides), axis=2)
        chosen = np.zeros(2, np.int64) if self.content is None else self.content.choose(target, boxes)
        hole, other = boxes[[0, 1], chosen]
        top, left, height, width = hole.tolist()
        mask = np.zeros((1, *target.shape[:2]), np.uint8)
        mask[0, top : top + height, left : left + width] = 1
        return drawn(mask[0], _center(hole), _center(other), "rectangle")


def drawn(mask: Mask, window: Center, window_real: Center, kind: str) -> Parameters:
    """Return what a hole's sample keys are: see `Holes`."""
    area = np.array(np.count_nonzero(mask) / mask.size)
    return {"mask": mask[None], "window": window, "window_real": window_real, "area": area, "kind": kind}


def center_of(mask: Mask) -> Center:
    """Return the center (y, x) of the bounding box of what is missing."""
    left, top, width, height = cv2.boundingRect(mask)
    return np.array((top + height // 2, left + width // 2), np.int64)


def _center(box: NDArray[np.int64]) -> Center:
    return box[:2] + box[2:] // 2
