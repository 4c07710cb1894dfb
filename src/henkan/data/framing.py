"""How a picture becomes a training target of a fixed size."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from henkan.data.pictures import Picture
from henkan.errors import UserError

# Pictures are small and workers are many; and OpenCV's threads do not survive a fork.
cv2.setNumThreads(1)


@dataclass(frozen=True)
class Frame:
    """Cut `side` x `side` pixels at (`top`, `left`), resize them to `size` x `size`, mirror or not.

    Cut first, since only what is kept need be resized.
    """

    top: int
    left: int
    side: int
    size: int
    mirror: bool

    def keeps(self, shape: tuple[int, ...]) -> bool:
        """Return whether a picture of `shape` (H, W, ...) is shown as it is."""
        return shape[:2] == (self.side, self.side) and self.side == self.size and not self.mirror

    def __call__(self, picture: Picture) -> Picture:
        """Return the framed picture, (size, size, 3), contiguous."""
        cut = picture[self.top : self.top + self.side, self.left : self.left + self.side]
        if self.side != self.size:
            # Area averages when shrinking, which does not alias; enlarging, it would repeat pixels.
            method = cv2.INTER_AREA if self.side > self.size else cv2.INTER_CUBIC
            cut = cv2.resize(cut, (self.size, self.size), interpolation=method)  # type: ignore[assignment]
        return cv2.flip(cut, 1) if self.mirror else np.ascontiguousarray(cut)  # type: ignore[return-value]


class Framing(ABC):
    """Draws how to frame a picture; a picture and its companions are framed alike."""

    @abstractmethod
    def draw(self, height: int, width: int, rng: np.random.Generator, name: str) -> Frame:
        """Return a frame for a picture of this size; raises `UserError` naming it if it is too small."""


class CropFlip(Framing):
    """Resize the shorter side to a uniform integer in `resize`, cut at random, mirror with `flip`.

    GLCIC: [256, 384], 256, 0.5. Smaller pictures are enlarged. Without `resize` a picture keeps its size, and
    one smaller than `size` is refused.
    """

    def __init__(self, size: int, resize: Sequence[int] | None, flip: float = 0.5) -> None:
        if resize is not None and not size <= resize[0] <= resize[1]:
            raise UserError(f"augmentation.resize={list(resize)} must rise from augmentation.size={size} or more")
        self.size, self.resize, self.flip = size, resize, flip

    def draw(self, height: int, width: int, rng: np.random.Generator, name: str) -> Frame:
        # Always four draws, so that no setting shifts the ones behind it.
        scale, down, right, mirror = rng.random(4).tolist()
        shorter = None
        if self.resize is not None:
            low, high = self.resize
            shorter = low + int(scale * (high - low + 1))
        side = _side(height, width, self.size, shorter, name)
        top, left = int(down * (height - side + 1)), int(right * (width - side + 1))
        return Frame(top, left, side, self.size, mirror < self.flip)


class Center(Framing):
    """Resize the shorter side to `resize` (None: keep the size) and cut the center, without chance."""

    def __init__(self, size: int, resize: int | None = None) -> None:
        if resize is not None and resize < size:
            raise UserError(f"a shorter side of {resize} pixels is smaller than the cut of {size}: enlarge resize")
        self.size, self.resize = size, resize

    def draw(self, height: int, width: int, rng: np.random.Generator, name: str) -> Frame:
        side = _side(height, width, self.size, self.resize, name)
        return Frame((height - side) // 2, (width - side) // 2, side, self.size, False)


def _side(height: int, width: int, size: int, shorter: int | None, name: str) -> int:
    """Return how many of the picture's own pixels become `size` when its shorter side becomes `shorter`."""
    if shorter is not None:
        return max(1, round(size * min(height, width) / shorter))
    if min(height, width) < size:
        raise UserError(
            f"{name} is {width}x{height} pixels, smaller than the {size}x{size} crop: "
            f"remove it, lower size, or let augmentation.resize enlarge it"
        )
    return size
