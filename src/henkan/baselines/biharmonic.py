"""Inpainting by the biharmonic equation (Damelin, Hoang 2018), as scikit-image does it."""

from __future__ import annotations

import numpy as np
from skimage.restoration import inpaint_biharmonic

from henkan.baselines.filling import Filling, Hole, Picture


class Biharmonic(Filling):
    """The smoothest surface over the hole that meets the known pixels and their slope: one linear system a hole."""

    def fill(self, picture: Picture, hole: Hole) -> Picture:
        surface = inpaint_biharmonic(picture / 255.0, hole, split_into_regions=True, channel_axis=-1)
        return np.asarray(np.rint(surface.clip(0, 1) * 255), np.uint8)
