"""FLIP: what somebody sees who flips between two pictures on a screen."""

from __future__ import annotations

import torch
from torch import Tensor

from henkan.errors import MissingPackage
from henkan.metrics.per_image import exact, require_pair


class FLIP:
    """LDR-FLIP (Andersson et al., 2020), its mean over the picture, by the authors' package flip-evaluator.

    Differences of color and of edges and points, as far as eyes resolve them at `ppd` pixels per degree (67: a screen
    of 3840 pixels and 0.7 m, seen from 0.7 m; fewer pixels per degree are seen larger).
    `output`, `target`: (B, 3, H, W) in [0, 1], grey ones (B, 1, H, W). Returns (B,) in [0, 1], 0 for pictures that are
    the same. Raises `MissingPackage` without the package.
    """

    def __init__(self, ppd: float = 67.0) -> None:
        self.ppd = ppd
        try:
            from flip_evaluator import evaluate
        except ModuleNotFoundError as error:
            raise MissingPackage("flip needs the package flip-evaluator: pip install 'henkan[metrics]'") from error
        self._evaluate = evaluate

    @exact
    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        require_pair(output, target)
        ours, theirs = (
            images.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).float().contiguous().cpu().numpy()
            for images in (output, target)
        )
        scores = [
            self._evaluate(reference, test, "LDR", applyMagma=False, parameters={"ppd": self.ppd})[1]
            for reference, test in zip(theirs, ours, strict=True)
        ]
        return torch.tensor(scores, dtype=torch.float32, device=output.device)
