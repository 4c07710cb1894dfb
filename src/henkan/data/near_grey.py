"""Pictures that nothing about color can be learned from: training passes over them when it draws them."""

from __future__ import annotations

from henkan import color
from henkan.data.pictures import Picture, Pictures
from henkan.data.statistics import small
from henkan.errors import UserError


class NearGrey:
    """Tells pictures whose ranges of a and b together are below `least` (Zhang et al. 2017: 5).

    Looked at no larger than `side` pixels, so that noise is no color. More than `attempts` in a row end training: where
    nine in ten are near grey, one sample in 10¹¹ meets so many.
    """

    reason = "near grey"

    def __init__(self, least: float = 5.0, side: int = 128, attempts: int = 256) -> None:
        if attempts < 1:
            raise UserError(f"screen.attempts={attempts} must be 1 or more")
        self.least, self.side, self.attempts = least, side, attempts

    def leave_out(self, pictures: Pictures) -> None:
        """Let training pass over near-grey pictures; raises `UserError` for drawings, which all are."""
        if pictures.channels != 3:
            raise UserError(f"{pictures.where} gives grey drawings, which nothing about color is learned from: ~screen")
        pictures.rejects = self

    def __call__(self, picture: Picture) -> bool:
        """Return whether a picture (H, W, 3) is near grey."""
        ab = color.rgb_to_lab(small(picture, self.side))[1:].flatten(1)
        return float((ab.amax(1) - ab.amin(1)).sum()) < self.least
