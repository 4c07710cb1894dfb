"""Scores of maps that say where something is: by pixels, per picture."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torchmetrics.functional.classification import binary_auroc, binary_average_precision

from henkan.metrics.per_image import exact, require_pair

# From here on a pixel counts as found, and one of the target as there.
THRESHOLD = 0.5


class IoU:
    """Intersection over union of what is found, output at least 0.5, and what is there: 1 for the same pixels.

    Where nothing is there, a picture scores 1 if nothing is found, and 0 if anything is. `output`, `target`:
    (B, C, H, W) in [0, 1]. Returns (B,) in [0, 1].
    """

    @exact
    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        require_pair(output, target)
        found, there = (maps.flatten(1) >= THRESHOLD for maps in (output, target))
        both, either = (found & there).sum(1), (found | there).sum(1)
        return torch.where(either > 0, both / either.clamp(min=1), 1.0)


class AveragePrecision:
    """Area under precision against recall over a picture's pixels, without interpolation: Σ (Rₙ - Rₙ₋₁) Pₙ.

    Chance, and one value everywhere, score the share of the picture that is there. `output`, `target`: (B, C, H, W) in
    [0, 1]. Returns (B,) in [0, 1], NaN where nothing is there, or everything: there is nothing to rank.
    """

    @exact
    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        require_pair(output, target)
        return ranked(binary_average_precision, output, target)


class AUROC:
    """Probability that a pixel which is there has a larger output than one which is not, ties half: 0.5 is chance.

    `output`, `target`: (B, C, H, W) in [0, 1]. Returns (B,) in [0, 1], NaN where nothing is there, or everything.
    """

    @exact
    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        require_pair(output, target)
        return ranked(binary_auroc, output, target)


def ranked(score: Callable[..., Tensor], output: Tensor, target: Tensor) -> Tensor:
    """Return a score of ranks for each picture, (B,); NaN for those whose pixels are all alike in the target."""
    # Outside [0, 1] torchmetrics would take them for logits.
    values, there = output.clamp(0.0, 1.0).flatten(1), (target >= THRESHOLD).long().flatten(1)
    scores = [
        score(value, truth, validate_args=False) if 0 < int(truth.sum()) < len(truth) else value.new_tensor(torch.nan)
        for value, truth in zip(values, there, strict=True)
    ]
    return torch.stack(scores)
