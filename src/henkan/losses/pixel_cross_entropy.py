"""Cross-entropy of the class of every pixel."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from henkan.errors import UserError
from henkan.losses.per_image import full_precision, per_image_mean
from henkan.sample import UNKNOWN


class PixelCrossEntropy:
    """-w[label] log softmax(input)[label], the mean over each picture's pixels of known class; 0 where it has none.

    `input`: logits (B, K, H, W); `labels`: (B, 1, H, W) int64 in [0, K) or `UNKNOWN`. Returns (B,). `weights` has one
    weight a class (null: 1 each); the mean counts pixels and not weights, or a picture of one class would not feel its.
    Raises `UserError` if shapes or weights do not fit, or a label is none of the K.
    """

    def __init__(self, weights: Sequence[float] | None = None) -> None:
        if weights is not None and not all(weight >= 0 for weight in weights):
            raise UserError(f"weights of classes must be 0 or more, not {list(weights)}")
        self.weights = None if weights is None else torch.tensor(weights, dtype=torch.float32)

    def __call__(self, input: Tensor, labels: Tensor) -> Tensor:
        if input.ndim != 4 or labels.shape != (len(input), 1, *input.shape[2:]):
            raise UserError(
                f"cross-entropy of pixels compares logits (B, K, H, W) with labels (B, 1, H, W), not "
                f"{tuple(input.shape)} with {tuple(labels.shape)}: mend the term's `reads`"
            )
        classes, known = input.shape[1], labels != UNKNOWN
        if self.weights is not None and len(self.weights) != classes:
            raise UserError(f"{len(self.weights)} weights for {classes} classes: give one for each, or null")
        # On a GPU looking at the labels would wait for it, and it has an assertion of its own.
        if labels.device.type == "cpu" and (wrong := labels[known & ((labels < 0) | (labels >= classes))]).numel():
            raise UserError(
                f"a pixel has the class {int(wrong[0])}, and the generator knows {classes} classes, from 0 on: "
                "build it for as many as the data have (generator.classes or generator.out_channels)"
            )
        if self.weights is not None:
            self.weights = self.weights.to(input.device)
        values = F.cross_entropy(
            full_precision(input),
            labels.squeeze(1),
            self.weights,
            ignore_index=UNKNOWN,
            reduction="none",
        )
        return per_image_mean(values.unsqueeze(1), known)
