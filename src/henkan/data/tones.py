"""How a photograph is recolored: operators on 8-bit pictures, (H, W, 3) or (H, W, 1), that move nothing."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from henkan.data.operator import Operator, Range
from henkan.data.pictures import Picture
from henkan.errors import UserError

# Pixels a side: 8 x 8 tiles of the 256 pixels that LaMa trains on.
TILE = 32
STEPS = np.arange(256.0)


class ToneOperator(Operator):
    """A step that changes colors and moves nothing."""

    @abstractmethod
    def __call__(self, picture: Picture, **settings: float) -> Picture:
        """Return the changed picture."""


@dataclass(frozen=True, kw_only=True)
class LocalContrast(ToneOperator):
    """Equalize the lightness in tiles of 32 pixels (CLAHE), their histograms cut at `clip` times their mean."""

    clip: Range

    def __call__(self, picture: Picture, **settings: float) -> Picture:
        height, width = (max(1, round(side / TILE)) for side in picture.shape[:2])
        equalize = cv2.createCLAHE(clipLimit=settings["clip"], tileGridSize=(width, height)).apply
        if picture.shape[2] == 1:
            return np.asarray(equalize(picture[..., 0]), np.uint8)[..., None]
        lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
        lab[..., 0] = equalize(np.ascontiguousarray(lab[..., 0]))
        return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8)


@dataclass(frozen=True, kw_only=True)
class Contrast(ToneOperator):
    """Multiply every value by 1 + `contrast` and add `brightness` (of 1): (1 + c) v + b, cut at 0 and 1."""

    contrast: Range = 0.0
    brightness: Range = 0.0

    def __call__(self, picture: Picture, **settings: float) -> Picture:
        values = STEPS * (1.0 + settings["contrast"]) + 255.0 * settings["brightness"]
        changed = np.asarray(cv2.LUT(picture, rounded(values)), np.uint8)
        # OpenCV drops the axis of a single channel.
        return changed.reshape(picture.shape)


@dataclass(frozen=True, kw_only=True)
class Hue(ToneOperator):
    """Turn the hue by `hue` degrees and add `saturation` and `value` (of 255), in HSV; what leaves [0, 255] is cut.

    In 8 bits, as the release: its hues are 2 degrees apart.
    """

    hue: Range = 0.0
    saturation: Range = 0.0
    value: Range = 0.0

    def __call__(self, picture: Picture, **settings: float) -> Picture:
        if picture.shape[2] == 1:
            raise UserError("grey pictures have no hue to change: leave the step out (augmentation.tones.hue=null)")
        hues = np.mod((STEPS + settings["hue"] / 2).round(), 180)
        table = np.stack((rounded(hues), *(rounded(STEPS + settings[name]) for name in ("saturation", "value"))), 1)
        hsv = cv2.LUT(cv2.cvtColor(picture, cv2.COLOR_RGB2HSV), table[None])
        return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.uint8)


def rounded(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return values as 8-bit numbers."""
    return values.round().clip(0, 255).astype(np.uint8)
