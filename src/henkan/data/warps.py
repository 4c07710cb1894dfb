"""How pictures are bent: operators on places, so that several become one map and pixels are interpolated once.

Places are (x, y), (2, ...) float32, whole at the centers of pixels. An operator is asked where the pixels of the bent
picture come from.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from henkan.data.operator import Operator, Range
from henkan.errors import UserError

Places = NDArray[np.float32]

# Corners that went further would meet.
FURTHEST = 0.45


class WarpOperator(Operator):
    """A step that bends a picture, whose size stays."""

    @abstractmethod
    def __call__(self, places: Places, size: tuple[int, int], rng: np.random.Generator, **settings: float) -> Places:
        """Return where in a picture of `size` (height, width) the bent picture has its `places` from."""


@dataclass(frozen=True, kw_only=True)
class Perspective(WarpOperator):
    """See the picture askew: what lies between four corners inside of it fills it.

    Each corner is moved inwards along each side by a share |n| of it, n normal with `deviation`.
    """

    deviation: Range

    def __call__(self, places: Places, size: tuple[int, int], rng: np.random.Generator, **settings: float) -> Places:
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32) * (size[1] - 1, size[0] - 1)
        share = np.minimum(np.abs(rng.normal(0.0, settings["deviation"], (4, 2))), FURTHEST)
        moved = corners + share * (corners[2] - 2 * corners)
        matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), moved.astype(np.float32))
        x, y = places
        # Not as a product of matrices, whose last bits may depend on the number of threads.
        across, down, depth = (a * x + b * y + c for a, b, c in matrix.astype(np.float32))
        return np.stack((across / depth, down / depth))


@dataclass(frozen=True, kw_only=True)
class Affine(WarpOperator):
    """About the center, scale by `scale_x` and `scale_y`, turn by `turn`, and let axes lean by `lean_x` and `lean_y`.

    Angles are degrees. With scales s, turn t, leans a and b, and A = [[s_x cos t, -s_y sin(t + a)], [s_x sin t,
    s_y cos(t + a)]], the picture's x axis comes to lie along A · (cos b, sin b), its y axis along A · (0, 1).
    """

    scale_x: Range = 1.0
    scale_y: Range = 1.0
    turn: Range = 0.0
    lean_x: Range = 0.0
    lean_y: Range = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("scale_x", "scale_y"):
            if not self.ranges()[name][0] > 0.0:
                raise UserError(f"Affine.{name}={getattr(self, name)} must be above 0")

    def __call__(self, places: Places, size: tuple[int, int], rng: np.random.Generator, **settings: float) -> Places:
        turn, a, b = (math.radians(settings[name]) for name in ("turn", "lean_x", "lean_y"))
        wide, high = settings["scale_x"], settings["scale_y"]
        turned = np.array([[math.cos(turn), -math.sin(turn + a)], [math.sin(turn), math.cos(turn + a)]]) * (wide, high)
        back = np.linalg.inv(turned @ [[math.cos(b), 0.0], [math.sin(b), 1.0]]).astype(np.float32)
        center = center_of(size)
        x, y = places - center
        return np.stack([a * x + b * y for a, b in back]) + center


@dataclass(frozen=True, kw_only=True)
class Lens(WarpOperator):
    """Bend as a lens does: the place u comes from u · (1 + k r² + k r⁴), k the `strength`, r = |u|.

    u is measured from the center, in sides of the picture: above 0 straight lines bulge outwards, below 0 inwards.
    """

    strength: Range

    def __call__(self, places: Places, size: tuple[int, int], rng: np.random.Generator, **settings: float) -> Places:
        center = center_of(size)
        away = places - center
        squared = np.square(away / np.array(size[::-1], np.float32).reshape(2, 1, 1)).sum(0)
        factor: Places = 1.0 + np.float32(settings["strength"]) * squared * (1.0 + squared)
        return away * factor + center


def center_of(size: tuple[int, int]) -> Places:
    """Return the center of a picture of `size` (height, width), (2, 1, 1)."""
    return np.array([(size[1] - 1) / 2, (size[0] - 1) / 2], np.float32).reshape(2, 1, 1)


def mirrored_into(places: Places, size: tuple[int, int]) -> Places:
    """Return places inside of a picture of `size` (height, width): it goes on as its mirror image, edges not twice."""
    last = 2 * center_of(size)
    while places.min() < 0 or (places > last).any():
        places = last - np.abs(last - np.abs(places))
    return places
