"""Cross-entropy of what a picture shows as a whole."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from henkan.errors import UserError
from henkan.losses.per_image import full_precision


class CrossEntropy:
    """-log softmax(input)[label] of each picture, 0 for one whose label is -1: it has no class.

    `input`: logits (B, K); `label`: (B,) int64. Returns (B,); the mean over the batch counts those without a class
    too, so that each of the others weighs the same in every batch. Where the generator knows no classes or the data
    have none, None: nothing to compare. Raises `UserError` if the shapes do not fit, or a label is none of the K.
    """

    def __call__(self, input: Tensor | None = None, label: Tensor | None = None) -> Tensor | None:
        if input is None or label is None:
            return None
        if input.ndim != 2 or label.shape != input.shape[:1]:
            raise UserError(
                f"cross-entropy compares logits (B, K) with labels (B,), not {tuple(input.shape)} "
                f"with {tuple(label.shape)}: mend the term's `reads`"
            )
        # On a GPU looking at the labels would wait for it, and it has an assertion of its own.
        if label.device.type == "cpu" and not ((label >= -1) & (label < input.shape[1])).all():
            raise UserError(
                f"labels go from {label.min()} to {label.max()}, but the generator knows {input.shape[1]} classes: "
                "give it as many as the data has"
            )
        return F.cross_entropy(full_precision(input), label, ignore_index=-1, reduction="none")
