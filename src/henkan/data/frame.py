"""How one picture is shown: cut, turned, resized, mirrored, or as it is."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from henkan.data.pictures import Picture
from henkan.errors import UserError
from henkan.sample import UNKNOWN

# Pictures are small and workers are many; and OpenCV's threads do not survive a fork.
cv2.setNumThreads(1)

# Turning leaves lines of two tones soft: what is darker than this (of 1) is black again (Simo-Serra et al. 2016).
TURNED = 0.6


class Frame(ABC):
    """How one picture is shown: `size` x `size` pixels of it, and their colors."""

    size: int

    @abstractmethod
    def __call__(self, picture: Picture, threshold: float | None = None) -> Picture:
        """Return the framed picture, (size, size, C), contiguous.

        With `threshold` (of 1) it is black and white, and what framing makes grey becomes so again.
        """

    @abstractmethod
    def of_labels(self, labels: Picture) -> Picture:
        """Return a map of classes (H, W, 1) framed as its picture is: nearest pixels, never a mean of classes.

        `UNKNOWN` where there is no picture.
        """

    def recolored(self, picture: Picture) -> Picture:
        """Return a framed target with the colors that it is shown in."""
        return picture

    def keeps(self, shape: tuple[int, ...]) -> bool:
        """Return whether a picture of `shape` (H, W, ...) is shown as it is."""
        return False

    def times(self, scale: int) -> Frame:
        """Return the same frame of a picture that is `scale` times larger.

        Raises `UserError` for one that interpolates: two sizes would become two pictures that do not match.
        """
        if scale != 1:
            raise UserError(
                "pairs of two sizes are cut, turned by quarters and mirrored, never interpolated: take "
                "augmentation=patch, and null for the resize of validation.framing"
            )
        return self

    @property
    def reduction(self) -> int:
        """By which power of two, 8 at most, a picture's sides may be divided before: what is shown shrinks as much."""
        return 1

    def reduced(self, by: int, height: int, width: int) -> Frame:
        """Return the frame that shows the same of a picture of which by its `reduction` so much is left."""
        return self

    @property
    @abstractmethod
    def matrix(self) -> NDArray[np.float64]:
        """The affine map (2, 3) of points (x, y) of the picture to points of the framed one."""


@dataclass(frozen=True)
class AsItIs(Frame):
    """The picture as it is; `size` is its shorter side."""

    size: int

    def keeps(self, shape: tuple[int, ...]) -> bool:
        return True

    def times(self, scale: int) -> Frame:
        return self

    def __call__(self, picture: Picture, threshold: float | None = None) -> Picture:
        return picture

    def of_labels(self, labels: Picture) -> Picture:
        return labels

    @property
    def matrix(self) -> NDArray[np.float64]:
        return np.eye(2, 3)


@dataclass(frozen=True)
class Cut(Frame):
    """Cut `side` x `side` pixels at (`top`, `left`), turn them by `angle` degrees about their center, resize them to
    `size` x `size`, mirror or not.

    Cut first, since only what is kept need be resized. What lies outside the picture is white.
    """

    top: int
    left: int
    side: int
    size: int
    mirror: bool
    angle: float = 0.0

    def keeps(self, shape: tuple[int, ...]) -> bool:
        return shape[:2] == (self.side, self.side) and self.side == self.size and not self.mirror and not self.angle

    def times(self, scale: int) -> Frame:
        if self.side != self.size or self.angle:
            return super().times(scale)
        return replace(
            self, top=self.top * scale, left=self.left * scale, side=self.side * scale, size=self.size * scale
        )

    @property
    def reduction(self) -> int:
        # A turned square has corners outside of it.
        return 1 if self.angle else max(by for by in (1, 2, 4, 8) if by == 1 or self.side // by >= self.size)

    def reduced(self, by: int, height: int, width: int) -> Cut:
        if by == 1:
            return self
        side = min(round(self.side / by), height, width)
        top, left = min(round(self.top / by), height - side), min(round(self.left / by), width - side)
        return replace(self, top=top, left=left, side=side)

    def __call__(self, picture: Picture, threshold: float | None = None) -> Picture:
        """Frame; what is darker than `threshold` once it is resized, and than `TURNED` once turned, becomes black."""
        # Area averages when shrinking, which does not alias; enlarging, it would repeat pixels.
        resizing = cv2.INTER_AREA if self.side > self.size else cv2.INTER_CUBIC
        return self._framed(picture, resizing, cv2.INTER_LINEAR, 255, threshold)

    def of_labels(self, labels: Picture) -> Picture:
        return self._framed(labels, cv2.INTER_NEAREST_EXACT, cv2.INTER_NEAREST, UNKNOWN)

    def _framed(
        self, picture: Picture, resizing: int, turning: int, outside: int, threshold: float | None = None
    ) -> Picture:
        """Frame by OpenCV's methods of interpolation; `outside` is what lies around the picture."""
        # Turned, the corners come from outside the square.
        rim = math.ceil(self.side * (math.sqrt(0.5) - 0.5)) + 1 if self.angle else 0
        cut = cut_out(picture, self.top - rim, self.left - rim, self.side + 2 * rim, outside)
        if self.side != self.size:
            side = self.size if not rim else max(1, round(len(cut) * self.size / self.side))
            cut = cv2.resize(cut, (side, side), interpolation=resizing)  # type: ignore[assignment]
            if threshold is not None:
                cut[cut < 255 * threshold] = 0
        if self.angle:
            # OpenCV's pixels have their centers at whole numbers, and its angles run the other way.
            middle = (len(cut) - 1) / 2
            turn = np.asarray(cv2.getRotationMatrix2D((middle, middle), -self.angle, 1.0), np.float64)
            turn[:, 2] += (self.size - 1) / 2 - middle
            around = (outside, outside, outside)
            cut = cv2.warpAffine(cut, turn, (self.size, self.size), flags=turning, borderValue=around)  # type: ignore[assignment]
            if threshold is not None:
                cut[cut < 255 * TURNED] = 0
        if self.mirror:
            cut = cv2.flip(cut, 1)  # type: ignore[assignment]
        # OpenCV drops the axis of a single channel.
        return np.ascontiguousarray(cut).reshape(self.size, self.size, -1)

    @property
    def matrix(self) -> NDArray[np.float64]:
        scale, turn = self.size / self.side, math.radians(self.angle)
        rotation = scale * np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
        center = np.array([self.left + self.side / 2, self.top + self.side / 2])
        shift = self.size / 2 - rotation @ center
        if self.mirror:
            rotation[0], shift[0] = -rotation[0], self.size - shift[0]
        return np.column_stack((rotation, shift))


def cut_out(picture: Picture, top: int, left: int, side: int, outside: int = 255) -> Picture:
    """Return `side` x `side` pixels at (`top`, `left`), `outside` (white) where there is no picture."""
    height, width = picture.shape[:2]
    above, before = max(0, -top), max(0, -left)
    below, behind = max(0, top + side - height), max(0, left + side - width)
    cut = picture[max(0, top) : top + side, max(0, left) : left + side]
    if above or before or below or behind:
        pads = ((above, below), (before, behind), (0, 0))
        cut = np.pad(cut, pads, constant_values=outside)
    return cut


@dataclass(frozen=True)
class Resized(Frame):
    """The whole picture, `height` x `width` pixels, its longer side resized to `size`."""

    height: int
    width: int
    size: int

    def keeps(self, shape: tuple[int, ...]) -> bool:
        return max(shape[:2]) == self.size

    def __call__(self, picture: Picture, threshold: float | None = None) -> Picture:
        framed = resized(picture, self.size)
        if threshold is not None:
            framed[framed < 255 * threshold] = 0
        return framed

    def of_labels(self, labels: Picture) -> Picture:
        return resized(labels, self.size, cv2.INTER_NEAREST_EXACT)

    @property
    def matrix(self) -> NDArray[np.float64]:
        scale = self.size / max(self.height, self.width)
        return np.array([[scale, 0.0, 0.0], [0.0, scale, 0.0]])


def no_larger(picture: Picture, longer: int) -> Picture:
    """Return a picture (H, W, C) whose longer side has at most `longer` pixels, means over areas, contiguous."""
    return resized(picture, min(longer, max(picture.shape[:2])))


def resized(picture: Picture, longer: int, method: int | None = None) -> Picture:
    """Return a picture (H, W, C) whose longer side has `longer` pixels, contiguous.

    `method` is OpenCV's; None: means over areas where it shrinks, cubic where it grows.
    """
    height, width = picture.shape[:2]
    scale = longer / max(height, width)
    sides = (max(1, round(width * scale)), max(1, round(height * scale)))
    if method is None:
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    found = picture.copy() if scale == 1 else cv2.resize(picture, sides, interpolation=method)
    return np.ascontiguousarray(found, picture.dtype).reshape(sides[1], sides[0], -1)
