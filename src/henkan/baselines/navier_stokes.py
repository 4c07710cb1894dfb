"""Inpainting by the Navier-Stokes equations (Bertalmio, Bertozzi, Sapiro 2001), as OpenCV does it."""

from __future__ import annotations

import cv2
import numpy as np

from henkan.baselines.filling import Filling, Hole, Picture


class NavierStokes(Filling):
    """From the hole's edge inwards, lines of equal color are carried on by the known pixels within `radius` pixels."""

    def __init__(self, radius: float = 5.0) -> None:
        super().__init__()
        self.radius = radius

    def fill(self, picture: Picture, hole: Hole) -> Picture:
        return np.asarray(cv2.inpaint(picture, hole.astype(np.uint8), self.radius, cv2.INPAINT_NS), np.uint8)
