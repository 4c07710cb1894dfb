"""Patches of a picture at its own size, as super-resolution trains on them: cut, turned and mirrored exactly."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from henkan.data.frame import Cut, Frame
from henkan.data.framing import Framing, check_flip
from henkan.data.pictures import Picture
from henkan.errors import UserError


@dataclass(frozen=True)
class Patch(Frame):
    """Cut `size` x `size` pixels at (`top`, `left`), give them `turns` quarter turns clockwise, mirror them or not.

    Pixels move and are never interpolated.
    """

    top: int
    left: int
    size: int
    turns: int
    mirror: bool

    def keeps(self, shape: tuple[int, ...]) -> bool:
        return shape[:2] == (self.size, self.size) and not self.turns and not self.mirror

    def times(self, scale: int) -> Patch:
        return replace(self, top=self.top * scale, left=self.left * scale, size=self.size * scale)

    def __call__(self, picture: Picture, threshold: float | None = None) -> Picture:
        cut = picture[self.top : self.top + self.size, self.left : self.left + self.size]
        turned = np.rot90(cut, -self.turns)
        return np.ascontiguousarray(turned[:, ::-1] if self.mirror else turned)

    def of_labels(self, labels: Picture) -> Picture:
        return self(labels)

    @property
    def matrix(self) -> NDArray[np.float64]:
        return Cut(self.top, self.left, self.size, self.size, self.mirror, 90.0 * self.turns).matrix


class Patches(Framing):
    """Cut `size` x `size` pixels at random without resizing; mirror them with chance `flip`, and `turn` them by none to
    three quarters.

    With `flip` 0.5 and `turn` all eight symmetries of the square are equally likely, as EDSR and ESRGAN train
    (Real-ESRGAN does not turn). A picture with a side smaller than `size` is refused: enlarged, it would teach blur.
    """

    def __init__(self, size: int, flip: float = 0.5, turn: bool = True) -> None:
        check_flip(flip)
        self.size, self.flip, self.turn = size, flip, turn

    def draw(self, height: int, width: int, rng: np.random.Generator, name: str) -> Patch:
        # Always four draws, so that no setting shifts the ones behind it.
        down, right, mirror, quarter = rng.random(4).tolist()
        if min(height, width) < self.size:
            raise UserError(
                f"{name} is {width}x{height} pixels, smaller than the {self.size}x{self.size} patch: remove it, or "
                "lower size"
            )
        top, left = int(down * (height - self.size + 1)), int(right * (width - self.size + 1))
        return Patch(top, left, self.size, int(4 * quarter) if self.turn else 0, mirror < self.flip)
