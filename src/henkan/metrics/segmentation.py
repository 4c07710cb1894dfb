"""Scores of segmentation: are the likeliest classes those of the labels?"""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics.functional.classification import multiclass_confusion_matrix

from henkan.errors import UserError
from henkan.metrics.per_image import exact
from henkan.metrics.set_metric import SetMetric
from henkan.sample import UNKNOWN


class PixelAccuracy:
    """Share of each picture's pixels of known class whose likeliest class it is; NaN where no class is known.

    `logits`: (B, K, H, W); `labels`: (B, 1, H, W) int64, `UNKNOWN` is not counted. Returns (B,) in [0, 1].
    """

    @exact
    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        found = confusion(logits, labels)
        return found.diagonal(dim1=1, dim2=2).sum(1) / found.sum((1, 2))


class IoU:
    """Mean over the classes of each picture of |found ∩ labeled| / |found ∪ labeled|, in pixels of known class.

    Its classes are those that are found or labeled in it. Arguments and result as those of `PixelAccuracy`.
    """

    @exact
    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        return mean_iou(confusion(logits, labels))


class MeanIoU(SetMetric):
    """Mean over classes of intersection over union, each in the pixels of all pictures together: VOC's score.

    A class that is neither found nor labeled in any picture is left out.
    """

    minimum = 1

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.total: Tensor | None = None

    @exact
    def update(self, logits: Tensor, labels: Tensor) -> None:
        found = confusion(logits, labels).sum(0)
        self.total = found if self.total is None else self.total + found

    def compute(self) -> float:
        return float("nan") if self.total is None else float(mean_iou(self.total[None]))


def confusion(logits: Tensor, labels: Tensor) -> Tensor:
    """Return how many pixels of each picture are labeled as row and found as column, (B, K, K) float64 on the CPU."""
    if logits.ndim != 4 or labels.shape != (len(logits), 1, *logits.shape[2:]):
        raise UserError(
            f"classes are compared as logits (B, K, H, W) and labels (B, 1, H, W), not {tuple(logits.shape)} and "
            f"{tuple(labels.shape)}: mend the metric's `reads`"
        )
    classes = logits.shape[1]
    known = labels[labels != UNKNOWN]
    if known.numel() and int(known.max()) >= classes:
        raise UserError(f"the labels have more classes than the {classes} of the generator")
    return torch.stack(
        [
            multiclass_confusion_matrix(own, given, classes, ignore_index=UNKNOWN, validate_args=False)
            for own, given in zip(logits.argmax(1).cpu(), labels.squeeze(1).cpu(), strict=True)
        ]
    ).double()


def mean_iou(found: Tensor) -> Tensor:
    """Return the mean over classes (B,) of confusions (B, K, K); NaN where there is no class."""
    both = found.diagonal(dim1=1, dim2=2)
    # 0 / 0 is a class that does not occur.
    return (both / (found.sum(1) + found.sum(2) - both)).nanmean(1)
