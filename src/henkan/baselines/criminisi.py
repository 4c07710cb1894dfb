"""Exemplar-based completion (Criminisi, Pérez, Toyama, "Region Filling and Object Removal", 2004)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from henkan.baselines.filling import Filling, fitting
from henkan.errors import UserError
from henkan.progress import report

# Best matches by correlation, whose distances are then computed exactly: correlation by FFT rounds.
CANDIDATES = 32
# What the paper divides the data term by, for 8-bit grey values, and what is added so that no priority is 0.
NORMALIZER, LEAST = 255.0, 1e-3

Floats = NDArray[np.float32]
Truths = NDArray[np.bool_]


class Criminisi(Filling):
    """Copy the best matching known patch to the rim's pixel of highest priority, until nothing is missing.

    Priority = confidence (how much of the patch is known, and how surely) x data (how strong an edge runs into the
    hole there). Matches are by squared distance in Lab over what is known of a patch, among patches without a
    missing pixel; of equals the nearest. `side` is that of a patch, odd; where no such patch is fully known, patches
    are as large as the largest that is. Raises `UserError` where not even one of 3 pixels is.
    """

    def __init__(self, side: int = 9) -> None:
        super().__init__()
        if side < 3 or side % 2 == 0:
            raise UserError(f"generator.side={side} must be odd and at least 3")
        self.side = side

    def fill(self, picture: NDArray[np.uint8], hole: Truths) -> NDArray[np.uint8]:
        return self.complete(picture, hole)[0]

    def complete(self, picture: NDArray[np.uint8], hole: Truths) -> tuple[NDArray[np.uint8], Floats]:
        """Return the filled picture, and the confidence (H, W) that each pixel got."""
        if (side := fitting(hole, range(self.side, 1, -2))) < self.side:
            return Criminisi(side).complete(picture, hole)
        radius = self.side // 2
        # A rim that is neither known nor missing, so that every patch is whole.
        rim = ((radius, radius), (radius, radius))
        known, missing = np.pad(~hole, rim), np.pad(hole, rim)
        colors = np.pad(picture, (*rim, (0, 0)))
        lab: Floats = np.asarray(cv2.cvtColor(colors.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB), np.float32)
        sources: Truths = np.asarray(sliding_window_view(known, (self.side, self.side)).all(axis=(2, 3)))
        confidence = known.astype(np.float32)
        total = left = int(np.count_nonzero(missing))
        while left:
            report(total - left, total, "pixel")
            y, x = self.most_urgent(lab[..., 0], known, missing, confidence)
            target = (slice(y - radius, y + radius + 1), slice(x - radius, x + radius + 1))
            v, u = self.best_match(lab, lab[target], known[target], sources, (y - radius, x - radius))
            source = (slice(v, v + self.side), slice(u, u + self.side))
            new = missing[target]
            sure = confidence[target].sum() / self.side**2
            for plane in (colors, lab):
                plane[target][new] = plane[source][new]
            confidence[target][new] = sure
            known[target] |= new
            left -= int(np.count_nonzero(new))
            missing[target] = False
        inside = (slice(radius, -radius), slice(radius, -radius))
        return np.ascontiguousarray(colors[inside]), confidence[inside]

    def most_urgent(self, lightness: Floats, known: Truths, missing: Truths, confidence: Floats) -> tuple[int, int]:
        """Return the missing pixel beside known ones with the highest priority."""
        box = _around(missing, self.side + 1)
        known, missing, confidence = known[box], missing[box], confidence[box]
        rows, columns = np.nonzero(missing & cv2.dilate(known.astype(np.uint8), np.ones((3, 3))).astype(bool))
        sums = cv2.boxFilter(confidence, -1, (self.side, self.side), normalize=False, borderType=cv2.BORDER_CONSTANT)
        sure = sums[rows, columns] / self.side**2

        # The rim's normal, of the smoothed mask: that of the mask itself knows eight directions only.
        smooth = cv2.GaussianBlur(known.astype(np.float32), (0, 0), 2.0)
        normal = np.stack([cv2.Sobel(smooth, -1, dx, dy)[rows, columns] for dx, dy in ((1, 0), (0, 1))])
        normal = normal / np.maximum(np.linalg.norm(normal, axis=0), 1e-12)

        # The strongest slope of the known part of the patch; one that looks across the hole's rim is no slope.
        grey = lightness[box] * (255.0 / 100.0)
        whole = cv2.erode(known.astype(np.uint8), np.ones((3, 3)), borderValue=0).astype(bool)
        slopes = np.stack([np.where(whole, cv2.Sobel(grey, -1, dx, dy) / 8.0, 0.0) for dx, dy in ((1, 0), (0, 1))])
        windows = sliding_window_view(np.pad(slopes, ((0, 0), *[(self.side // 2,) * 2] * 2)), (self.side,) * 2, (1, 2))
        seen = windows[:, rows, columns].reshape(2, len(rows), -1)
        strongest = np.square(seen).sum(axis=0).argmax(axis=1)
        slope = seen[:, np.arange(len(rows)), strongest]
        # Lines of equal brightness run across the slope.
        data = np.abs(slope[0] * -normal[1] + slope[1] * normal[0]) / NORMALIZER + LEAST
        best = int((sure * data).argmax())
        return int(rows[best]) + box[0].start, int(columns[best]) + box[1].start

    def best_match(
        self, lab: Floats, target: Floats, known: Truths, sources: Truths, corner: tuple[int, int]
    ) -> tuple[int, int]:
        """Return the corner of the source patch that is nearest to `target` over its `known` pixels."""
        seen = np.repeat(known[..., None], 3, axis=2).astype(np.float32)
        rough = cv2.matchTemplate(lab, target, cv2.TM_SQDIFF, mask=seen)
        rough = np.where(sources, rough, np.inf).ravel()
        count = min(CANDIDATES, int(sources.sum()))
        rows, columns = np.divmod(np.argpartition(rough, count - 1)[:count], sources.shape[1])
        patches = sliding_window_view(lab, (self.side, self.side), (0, 1))[rows, columns].transpose(0, 2, 3, 1)
        distances = np.square((patches - target)[:, known]).sum(axis=(1, 2))
        away = np.square(rows - corner[0]) + np.square(columns - corner[1])
        best = np.lexsort((away, distances))[0]
        return int(rows[best]), int(columns[best])


def _around(missing: Truths, margin: int) -> tuple[slice, slice]:
    """Return the box of what is missing and `margin` pixels around it, clipped to the picture."""
    rows, columns = (np.flatnonzero(missing.any(axis=axis)) for axis in (1, 0))
    return (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + margin + 1),
        slice(max(0, int(columns[0]) - margin), int(columns[-1]) + margin + 1),
    )
