"""Scores of line drawings: are the lines where they belong, and are they lines at all?"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from henkan.errors import UserError
from henkan.metrics.per_image import exact, require_pair

# Darker than this is ink.
INK = 0.5
# Between these a pixel is neither ink nor paper.
GREY = (0.1, 0.9)


class _Near:
    """Shares of one drawing's ink that have ink of another within `tolerance` pixels (Euclidean distance)."""

    def __init__(self, tolerance: float = 1.5) -> None:
        self.tolerance = tolerance

    def found(self, lines: Tensor, among: Tensor) -> Tensor:
        """Return, for drawings (B, 1, H, W), the share (B,) of the ink of `lines` near ink of `among`.

        No ink at all is found entirely; among no ink nothing is.
        """
        if lines.shape[1] != 1:
            raise UserError(f"lines are found in drawings of one channel, not of {lines.shape[1]}: leave it out")
        shares = []
        for line, other in zip((lines < INK).cpu().numpy(), (among < INK).cpu().numpy(), strict=True):
            ink, theirs = line[0], other[0]
            if not ink.any() or not theirs.any():
                shares.append(float(not ink.any()))
                continue
            distance = cv2.distanceTransform((~theirs).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
            shares.append(float((distance[ink] <= self.tolerance).mean()))
        return torch.tensor(shares)


class LinePrecision(_Near):
    """Share of the output's ink that lies within `tolerance` pixels of the target's: what is there belongs there."""

    @exact
    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        require_pair(output, target)
        return self.found(output, target)


class LineRecall(_Near):
    """Share of the target's ink that lies within `tolerance` pixels of the output's: what belongs there is there."""

    @exact
    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        require_pair(output, target)
        return self.found(target, output)


class LineF(_Near):
    """Harmonic mean of line precision and recall, per drawing: 1 for the same lines, 0 where none is found.

    `output`, `target`: (B, 1, H, W) in [0, 1], ink darker than 0.5. Returns (B,) in [0, 1].
    """

    @exact
    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        require_pair(output, target)
        precision, recall = self.found(output, target), self.found(target, output)
        return 2 * precision * recall / (precision + recall).clamp(min=1e-9)


class GreyShare:
    """Share of the output's pixels that are neither ink nor paper, between 0.1 and 0.9: what blur adds to lines.

    Soft edges are grey too: compare with the target's own share (`GreyGap`). `output`: (B, 1, H, W) in [0, 1];
    returns (B,).
    """

    @exact
    def __call__(self, output: Tensor) -> Tensor:
        return _grey(output)


class GreyGap:
    """Share of grey pixels, output less target: above 0 is blurred, below is harder than clean lines' soft edges."""

    @exact
    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        require_pair(output, target)
        return _grey(output) - _grey(target)


def _grey(image: Tensor) -> Tensor:
    low, high = GREY
    return ((image > low) & (image < high)).float().mean((1, 2, 3))
