"""What can be done to a part of a picture so that it does not show: fill it, paste over it, or leave it as it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from henkan.data.masks import Mask
from henkan.data.pictures import Picture
from henkan.errors import UserError

Hole = NDArray[np.bool_]
"""(H, W), true = edited."""


class _Filler(Protocol):
    """What completes a picture: see `henkan.baselines.filling.Filling`."""

    def fill(self, picture: Picture, hole: Hole) -> Picture: ...


class Edit(ABC):
    """Changes a picture (H, W, 3) where `hole` (H, W) is true; what it returns elsewhere does not matter."""

    @abstractmethod
    def edit(self, picture: Picture, hole: Hole, rng: np.random.Generator) -> Picture:
        """Return the edited picture; there is at least one pixel inside the hole and one outside. Pure, given `rng`."""

    def manifest(self) -> str | None:
        """Return a hash of the files that the edit depends on, where there are such."""
        return None


class Filled(Edit):
    """What was there is removed, and the hole completed `by` any method of completion, which does not see it."""

    def __init__(self, by: _Filler) -> None:
        self.by = by

    def edit(self, picture: Picture, hole: Hole, rng: np.random.Generator) -> Picture:
        return self.by.fill(np.where(hole[..., None], np.uint8(0), picture), hole)

    def manifest(self) -> str | None:
        found: str | None = getattr(self.by, "manifest", lambda: None)()
        return found


class Paste(Edit):
    """The hole shows another place of the same picture, or of its mirror image (a `mirrored` share of the time).

    Toward the hole's edge it fades into what was there: a pixel d away from the closest one outside shows
    min(1, d / (`feather` + 1)) of what is pasted.
    """

    def __init__(self, feather: float = 2.0, mirrored: float = 0.5) -> None:
        if feather < 0.0 or not 0.0 <= mirrored <= 1.0:
            raise UserError(f"a paste needs feather={feather} of 0 or more, and mirrored={mirrored} in [0, 1]")
        self.feather, self.mirrored = feather, mirrored

    def edit(self, picture: Picture, hole: Hole, rng: np.random.Generator) -> Picture:
        left, top, width, height = cv2.boundingRect(hole.astype(np.uint8))
        mirrored = rng.random() < self.mirrored
        rooms = np.array((hole.shape[0] - height + 1, hole.shape[1] - width + 1), np.int64)
        place = rng.integers(0, rooms)
        if not mirrored and place.tolist() == [top, left]:
            # The next place, or, where there is only one, its mirror image: never what was there already.
            mirrored = rooms.max() == 1
            place = (place + 1) % rooms
        seen = picture[:, ::-1] if mirrored else picture
        y, x = place.tolist()
        pasted = picture.copy()
        pasted[top : top + height, left : left + width] = seen[y : y + height, x : x + width]
        share = faded(hole.astype(np.uint8), self.feather)[..., None]
        mixed = share * pasted + (1.0 - share) * picture
        return np.asarray(np.rint(mixed), np.uint8)


class Nothing(Edit):
    """The hole shows what was there: whatever is found in it was given away by something else."""

    def edit(self, picture: Picture, hole: Hole, rng: np.random.Generator) -> Picture:
        return picture


def faded(mask: Mask, feather: float) -> NDArray[np.float32]:
    """Return (H, W) in [0, 1]: 0 outside the mask, rising to 1 over `feather` pixels inside."""
    inside = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(np.minimum(1.0, inside / (feather + 1.0)), np.float32)
