"""Holes in the shape of an object, as if it had been removed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from henkan.data.masks import Mask
from henkan.data.pictures import Picture, Pictures
from henkan.degradations.holes import Holes, center_of, drawn
from henkan.errors import UserError
from henkan.sample import Parameters

# Of 255: how far a pixel may be from the background and still belong to it.
TOLERANCE = 8


class ObjectMask(Holes):
    """The silhouette of an object, mirrored at random, scaled to a share of the picture, at a random place in it.

    `silhouettes` are pictures of one object each on a plain background; what the background does not reach from the
    corners is the object. `share` bounds the part of the picture that the object covers; one that is too long for the
    picture at that size covers less.
    """

    def __init__(self, silhouettes: Pictures, share: Sequence[float], fill: Sequence[float]) -> None:
        super().__init__(fill)
        if not 0.0 < share[0] <= share[1] < 1.0:
            raise UserError(f"degradation.share={list(share)} must rise, between 0 and 1")
        self.silhouettes, self.low, self.high = silhouettes, float(share[0]), float(share[1])
        self._names = silhouettes.some_names("train")
        silhouettes.prepare()

    def draw(self, target: NDArray[np.uint8], rng: np.random.Generator, name: str = "") -> Parameters:
        mask, other = self._place(target.shape, rng), self._place(target.shape, rng)
        return drawn(mask, center_of(mask), center_of(other), "object")

    def _place(self, shape: tuple[int, ...], rng: np.random.Generator) -> Mask:
        """Return a mask of `shape` (H, W, ...) with one object in it."""
        object_ = silhouette(self.silhouettes.picture(self._names[rng.integers(len(self._names))]))
        if rng.random() < 0.5:
            object_ = object_[:, ::-1]
        share = rng.uniform(self.low, self.high)
        scale = math.sqrt(share * shape[0] * shape[1] / max(1, int(np.count_nonzero(object_))))
        tall, wide = (int(side) for side in object_.shape)
        scale = min(scale, shape[0] / tall, shape[1] / wide)
        height = max(1, min(shape[0], round(scale * tall)))
        width = max(1, min(shape[1], round(scale * wide)))
        small = cv2.resize(np.ascontiguousarray(object_), (width, height), interpolation=cv2.INTER_AREA)
        top, left = rng.integers(0, (shape[0] - height + 1, shape[1] - width + 1))
        mask = np.zeros(shape[:2], np.uint8)
        mask[top : top + height, left : left + width] = small
        # Something is always missing, and something known.
        mask[top + height // 2, left + width // 2] = 1
        mask[(top + height // 2 + shape[0] // 2) % shape[0], 0] = 0
        return mask

    def manifest(self) -> str:
        return self.silhouettes.manifest_of(["train"])


def silhouette(picture: Picture) -> Mask:
    """Return the object of a picture on a plain background, cut to its box: (h, w), 1 = object."""
    padded = cv2.copyMakeBorder(picture, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=picture[0, 0].tolist())
    reached = np.zeros((padded.shape[0] + 2, padded.shape[1] + 2), np.uint8)
    near = (TOLERANCE,) * 3
    cv2.floodFill(padded, reached, (0, 0), 0, near, near, cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | 4)
    mask = 1 - reached[2:-2, 2:-2]
    left, top, width, height = cv2.boundingRect(mask)
    return mask[top : top + height, left : left + width] if width else np.ones((1, 1), np.uint8)
