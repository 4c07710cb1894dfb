"""Photographs bent, cut and recolored, as LaMa trains on them (Suvorov et al. 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from henkan.data.frame import TURNED, Frame
from henkan.data.framing import Framing, check_flip
from henkan.data.operator import SEED, Draws, Operator
from henkan.data.pictures import Picture
from henkan.data.tones import ToneOperator
from henkan.data.warps import Places, WarpOperator, mirrored_into
from henkan.errors import UserError


@dataclass(frozen=True, eq=False)
class Distorted(Frame):
    """Pixels from `places` (2, size, size) of a picture, by bilinear interpolation; then `tones`, in order."""

    size: int
    places: Places
    tones: list[tuple[ToneOperator, dict[str, float]]]

    def __call__(self, picture: Picture, threshold: float | None = None) -> Picture:
        bent = self._bent(picture, cv2.INTER_LINEAR)
        if threshold is not None:
            bent[bent < 255 * TURNED] = 0
        return bent

    def of_labels(self, labels: Picture) -> Picture:
        return self._bent(labels, cv2.INTER_NEAREST)

    def _bent(self, picture: Picture, method: int) -> Picture:
        x, y = self.places
        remapped = cv2.remap(picture, x, y, method, borderMode=cv2.BORDER_REFLECT_101)
        bent = np.asarray(remapped, picture.dtype)
        # OpenCV drops the axis of a single channel.
        return bent.reshape(self.size, self.size, -1)

    def recolored(self, picture: Picture) -> Picture:
        for operator, settings in self.tones:
            picture = operator(picture, **settings)
        return picture

    @property
    def matrix(self) -> NDArray[np.float64]:
        raise UserError(
            "augmentation=distortions bends pictures, and drawings that are kept as strokes cannot be bent: choose "
            "augmentation=turn_crop"
        )


class Distortions(Framing):
    """Bend the whole picture by `warps` in order, cut `size` x `size` pixels at random, mirror with `flip`, recolor.

    Two mappings of named operators (null: left out). Outside of the picture there is its mirror image, which also makes
    up for what a smaller picture lacks. `tones` change the target alone, not the lines that come with it.

    LaMa's release trains with its transform_variant `distortions` (saicinpainting/training/data/datasets.py, aug.py, on
    imgaug 0.4.0 and albumentations 0.5.2), every step on half of the pictures: perspective, deviations of up to 0.06;
    scales of 0.7 to 1.3 for each axis, turns of up to 40 degrees, leans of up to 0.1 degrees; a lens of up to 0.05; the
    crop; CLAHE with clips of 1 to 4; contrast and brightness of up to 0.2; hue of up to 10 degrees (5 of OpenCV's 180),
    saturation of up to 30, value of up to 5. It interpolates after every warp anew.
    """

    def __init__(
        self,
        size: int,
        warps: Mapping[str, Operator | None] | None = None,
        tones: Mapping[str, Operator | None] | None = None,
        flip: float = 0.5,
    ) -> None:
        if size < 2:
            raise UserError(f"augmentation.size={size} must be 2 or more")
        check_flip(flip)
        self.size, self.flip = size, flip
        self.warps = WarpOperator.chosen("augmentation.warps", warps or {})
        self.tones = ToneOperator.chosen("augmentation.tones", tones or {})
        self.recolors = bool(self.tones)
        groups: dict[str, Mapping[str, Operator]] = {"warps": self.warps, "tones": self.tones}
        self.draws = Draws({f"{group}.{name}": one for group, own in groups.items() for name, one in own.items()})

    def draw(self, height: int, width: int, rng: np.random.Generator, name: str) -> Distorted:
        row = self.draws.draw(int(rng.integers(2**63)))
        down, right, mirror = rng.random(3).tolist()
        # As large as the crop at least, with the picture in its middle.
        whole = max(height, self.size), max(width, self.size)
        top, left = (int(share * (side - self.size + 1)) for share, side in zip((down, right), whole, strict=True))
        columns = left + np.arange(self.size, dtype=np.float32)
        if mirror < self.flip:
            columns = columns[::-1]
        places = np.stack(np.meshgrid(columns, top + np.arange(self.size, dtype=np.float32)))
        for warp, operator in reversed(self.warps.items()):
            values = self.draws.values(f"warps.{warp}", row)
            if values.pop("happens"):
                own = np.random.Generator(np.random.PCG64(int(values.pop(SEED))))
                places = mirrored_into(operator(places, whole, own, **values), whole)
        margin = np.array([(whole[1] - width) // 2, (whole[0] - height) // 2], np.float32).reshape(2, 1, 1)
        return Distorted(self.size, places - margin, self._recoloring(row))

    def _recoloring(self, row: NDArray[np.float64]) -> list[tuple[ToneOperator, dict[str, float]]]:
        """Return the tones that happen, with their settings."""
        found = []
        for name, operator in self.tones.items():
            values = self.draws.values(f"tones.{name}", row)
            if values.pop("happens"):
                del values[SEED]
                found.append((operator, values))
        return found
