"""Sketches made of pictures: ways to find lines, as different as pens are. Mostly on one picture, in the worker.

Lengths are pixels: a pen is as wide in a small picture as in a large one. Tones are in [0, 1], 1 = paper.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from henkan.data.operator import Operator, Range

Floats = NDArray[np.float32]
Pixels = TypeVar("Pixels", NDArray[np.uint8], NDArray[np.float32])


class LineExtractor(Operator):
    """A way to make a sketch. Where several are mixed, `chance` weighs it against the others."""

    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"sigma": (0.01, math.inf)}

    @abstractmethod
    def __call__(self, picture: NDArray[np.uint8], *_: Any, **settings: Any) -> Floats:
        """Return the sketch, (H, W) in [0, 1], of a picture (H, W, 3)."""


class DeviceExtractor(LineExtractor):
    """One that is too slow for the workers: there the page stays empty, and it is drawn on where the pictures are."""

    def __call__(self, picture: NDArray[np.uint8], *_: Any, **settings: Any) -> Floats:
        return np.ones(picture.shape[:2], np.float32)

    @abstractmethod
    def batch(self, pictures: Tensor, settings: Mapping[str, Tensor]) -> Tensor:
        """Return the sketches (B, 1, H, W) of pictures (B, 3, H, W), in [0, 1], at settings (B,)."""


@dataclass(frozen=True, kw_only=True)
class XDoG(LineExtractor):
    """Ink: the extended difference of Gaussians (Winnemöller, Kyprianidis, Olsen 2012).

    S = (1 + p) G_σ - p G_kσ with k = 1.6 and p = `sharpness`; paper where S >= `threshold`, else
    1 + tanh(`softness` (S - threshold)). A plain area is S = its own tone: what is darker than the threshold fills with
    ink.
    """

    sigma: Range
    sharpness: Range
    threshold: Range
    softness: Range

    def __call__(
        self, picture: NDArray[np.uint8], *, sigma: float, sharpness: float, threshold: float, softness: float
    ) -> Floats:
        tones = grey(picture)
        narrow, wide = blurred(tones, sigma), blurred(tones, 1.6 * sigma)
        below = narrow + sharpness * (narrow - wide) - threshold
        return np.asarray(1.0 + np.tanh(softness * np.minimum(below, 0.0)), np.float32)


@dataclass(frozen=True, kw_only=True)
class DodgePencil(LineExtractor):
    """A soft pencil that shades a little: color dodge, the picture over its own blur, to the power `pressure`."""

    sigma: Range
    pressure: Range

    def __call__(self, picture: NDArray[np.uint8], *, sigma: float, pressure: float) -> Floats:
        # Night is not noise: in darkness ratios would be large for nothing.
        tones = grey(picture) + 0.1
        ratio = tones / blurred(tones, sigma)
        return np.asarray(np.minimum(ratio, 1.0) ** pressure, np.float32)


@dataclass(frozen=True, kw_only=True)
class CannyPen(LineExtractor):
    """A fine pen: Canny's edges, one pixel thin, drawn `pen` wide; none is shorter than `shortest`.

    `threshold` is the step of an edge that is drawn, of 1; what is joined to it is followed down to 0.4 of that.
    """

    sigma: Range
    threshold: Range
    pen: Range
    shortest: Range

    def __call__(
        self, picture: NDArray[np.uint8], *, sigma: float, threshold: float, pen: float, shortest: float
    ) -> Floats:
        soft = blurred(picture, sigma)
        # Sobel's weights add up to 4, for a step between two pixels.
        high = 4.0 * 255.0 * threshold
        edges = cv2.Canny(soft, 0.4 * high, high, L2gradient=True)
        _, parts, facts, _ = cv2.connectedComponentsWithStats(edges)
        kept = facts[:, cv2.CC_STAT_AREA] >= shortest
        kept[0] = False
        return inked(kept[parts], pen)


@dataclass(frozen=True, kw_only=True)
class GradientLines(LineExtractor):
    """Charcoal: as dark as colors change, `gain` times the largest channel's step a pixel above `floor`."""

    sigma: Range
    floor: Range
    gain: Range

    def __call__(self, picture: NDArray[np.uint8], *, sigma: float, floor: float, gain: float) -> Floats:
        soft = blurred(np.asarray(picture / np.float32(255), np.float32), sigma)
        across, down = (cv2.Sobel(soft, cv2.CV_32F, *step, scale=1 / 8) for step in ((1, 0), (0, 1)))
        steps = cv2.magnitude(across, down).max(axis=2)
        return np.asarray(1.0 - np.clip(gain * (steps - floor), 0.0, 1.0), np.float32)


def grey(picture: NDArray[np.uint8]) -> Floats:
    """Return the luma of a picture (H, W, 3), (H, W) in [0, 1]."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.float32) / np.float32(255)


def blurred(picture: Pixels, sigma: float) -> Pixels:
    """Return a picture blurred by a Gaussian of `sigma` pixels."""
    soft: Pixels = cv2.GaussianBlur(picture, (0, 0), sigma)  # type: ignore[assignment]
    return soft


def inked(line: NDArray[np.bool_], pen: float) -> Floats:
    """Return paper on which pixels are drawn with a round pen of `pen` pixels, with soft edges."""
    away = cv2.distanceTransform((~line).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.asarray(np.clip(away - (pen - 1.0) / 2, 0.0, 1.0), np.float32)
