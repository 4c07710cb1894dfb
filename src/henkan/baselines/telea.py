"""Inpainting along a fast marching front (Telea 2004), as OpenCV does it."""

from __future__ import annotations

import cv2
import numpy as np

from henkan.baselines.filling import Filling, Hole, Picture


class Telea(Filling):
    """From the hole's edge inwards, each pixel becomes a weighted mean of the known ones within `radius` pixels.

    OpenCV adds a gradient term of bounded size to the mean, so that even a constant picture is missed by a few levels.
    """

    def __init__(self, radius: float = 5.0) -> None:
        super().__init__()
        self.radius = radius

    def fill(self, picture: Picture, hole: Hole) -> Picture:
        return np.asarray(cv2.inpaint(picture, hole.astype(np.uint8), self.radius, cv2.INPAINT_TELEA), np.uint8)
