"""Draws how pictures become training targets of a fixed size, and how scored ones are shown."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import copy

import numpy as np

from henkan.data.frame import AsItIs, Cut, Frame, Resized
from henkan.data.pictures import Picture
from henkan.errors import UserError


class Framing(ABC):
    """Draws how to frame a picture; a picture and its companions are framed alike.

    A framed picture that `accepts` refuses is framed anew, up to `tries` times in all. `recolors`: whether its frames
    change colors.
    """

    tries = 1
    recolors = False
    size: int

    def divided(self, scale: int) -> Framing:
        """Return what frames pictures `scale` times smaller; raises `UserError` where `size` is no multiple."""
        if self.size % scale:
            raise UserError(f"size={self.size} is no multiple of {scale}, by which targets are larger than sources")
        smaller = copy(self)
        smaller.size = self.size // scale
        return smaller

    @abstractmethod
    def draw(self, height: int, width: int, rng: np.random.Generator, name: str) -> Frame:
        """Return a frame for a picture of this size; raises `UserError` naming it if it is too small."""

    def accepts(self, picture: Picture) -> bool:
        """Whether a framed picture can be learned from."""
        return True

    def scored(self) -> Framing | None:
        """Return what shows scored pictures at the scale that this trains at; None: whole, where nothing is resized."""
        return None


def check_flip(flip: float) -> None:
    """Raise `UserError` for a chance of mirroring outside [0, 1]."""
    if not 0.0 <= flip <= 1.0:
        raise UserError(f"augmentation.flip={flip} must lie in [0, 1]")


class CropFlip(Framing):
    """Resize the shorter side to a uniform integer in `resize`, cut at random, mirror with `flip`.

    GLCIC: [256, 384], 256, 0.5. Smaller pictures are enlarged. Without `resize` a picture keeps its size, and
    one smaller than `size` is refused.
    """

    def __init__(self, size: int, resize: Sequence[int] | None, flip: float = 0.5) -> None:
        if resize is not None and not size <= resize[0] <= resize[1]:
            raise UserError(f"augmentation.resize={list(resize)} must rise from augmentation.size={size} or more")
        check_flip(flip)
        self.size, self.resize, self.flip = size, resize, flip

    def draw(self, height: int, width: int, rng: np.random.Generator, name: str) -> Cut:
        # Always four draws, so that no setting shifts the ones behind it.
        scale, down, right, mirror = rng.random(4).tolist()
        shorter = None
        if self.resize is not None:
            low, high = self.resize
            shorter = low + int(scale * (high - low + 1))
        side = _side(height, width, self.size, shorter, name)
        top, left = int(down * (height - side + 1)), int(right * (width - side + 1))
        return Cut(top, left, side, self.size, mirror < self.flip)

    def scored(self) -> Framing | None:
        return None if self.resize is None else AtScale(self.size, *self.resize)


class TurnCrop(Framing):
    """Turn a drawing by up to `turn` degrees either way, shrink it, cut it at random, mirror it with `flip`.

    `shrink` bounds how many pixels of the drawing become one, uniformly (Simo-Serra et al. 2016 divide scans by 1.5 to
    3.5, and turn by 180 degrees). Outside of the drawing there is white paper. A cut whose mean is `blank` (of 1) or
    more is drawn again: it is all paper.
    """

    tries = 16

    def __init__(
        self, size: int, shrink: Sequence[float], turn: float = 180.0, flip: float = 0.5, blank: float = 0.99
    ) -> None:
        if not 0.0 < shrink[0] <= shrink[1]:
            raise UserError(f"augmentation.shrink={list(shrink)} must rise, from above 0")
        check_flip(flip)
        self.size, self.shrink, self.turn, self.flip, self.blank = size, shrink, turn, flip, blank

    def draw(self, height: int, width: int, rng: np.random.Generator, name: str) -> Cut:
        scale, down, right, mirror, angle = rng.random(5).tolist()
        low, high = self.shrink
        side = max(1, round(self.size * (low + scale * (high - low))))
        top, left = (round(share * (length - side)) for share, length in ((down, height), (right, width)))
        return Cut(top, left, side, self.size, mirror < self.flip, self.turn * (2 * angle - 1))

    def accepts(self, picture: Picture) -> bool:
        return float(picture.mean()) < 255 * self.blank


class Center(Framing):
    """Resize the shorter side to `resize` (None: keep the size) and cut the center, without chance."""

    def __init__(self, size: int, resize: int | None = None) -> None:
        if resize is not None and resize < size:
            raise UserError(f"a shorter side of {resize} pixels is smaller than the cut of {size}: enlarge resize")
        self.size, self.resize = size, resize

    def draw(self, height: int, width: int, rng: np.random.Generator, name: str) -> Cut:
        side = _side(height, width, self.size, self.resize, name)
        return Cut((height - side) // 2, (width - side) // 2, side, self.size, False)


class AtScale(Framing):
    """Show whole what has a scale that was trained, its shorter side within [`low`, `high`] pixels; of all else cut the
    center, `size` pixels of a shorter side midway between the two. Without chance.
    """

    def __init__(self, size: int, low: int, high: int) -> None:
        self.size, self.low, self.high = size, low, high

    def draw(self, height: int, width: int, rng: np.random.Generator, name: str) -> Frame:
        if self.low <= min(height, width) <= self.high:
            return AsItIs(min(height, width))
        return Center(self.size, (self.low + self.high) // 2).draw(height, width, rng, name)


class Fit(Framing):
    """Resize the longer side to `size`: nothing is cut off, and sides keep their ratio. Without chance."""

    def __init__(self, size: int) -> None:
        self.size = size

    def draw(self, height: int, width: int, rng: np.random.Generator, name: str) -> Resized:
        return Resized(height, width, self.size)


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
