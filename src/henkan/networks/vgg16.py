"""The thirteen convolutions of VGG-16 as an encoder, each normalized, and what starts it from published weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from henkan.errors import UserError
from henkan.networks.layers import Normalization, normalized, scaled

BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""Channels and convolutions between the five pools."""

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation, of 1, of the pictures' channels."""


class Encoder(nn.Module):
    """Five blocks of 3 x 3 convolutions with bias, normalization and ReLU, a picture (B, 3 or 1, H, W) in [0, 1] first.

    Callers run the `blocks` on what is `seen` of a picture, and pool after each. `channels` are 64, 128, 256, 512, 512
    at `width` 1. Values are mapped to (x - mean) / deviation, ImageNet's unless `start` has said otherwise.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, width: float = 1.0, normalization: Normalization | None = nn.BatchNorm2d) -> None:
        super().__init__()
        self.channels = [scaled(channels, width) for channels, _ in BLOCKS]
        self.blocks = nn.ModuleList()
        inputs = 3
        for outputs, (_, count) in zip(self.channels, BLOCKS, strict=True):
            layers: list[nn.Module] = []
            for _ in range(count):
                layers += [*normalized(nn.Conv2d(inputs, outputs, 3, padding=1), normalization), nn.ReLU(inplace=True)]
                inputs = outputs
            self.blocks.append(nn.Sequential(*layers))
        for name, values in zip(("mean", "deviation"), IMAGENET, strict=True):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)

    def seen(self, image: Tensor) -> Tensor:
        """Return what the first block is shown of a picture."""
        return (image - self.mean) / self.deviation

    def start(self, steps: Mapping[str, nn.Module], mean: Tensor, deviation: Tensor) -> None:
        """Take the weights of VGG-16's convolutions `conv1_1` to `conv5_3`, and what its pictures are mapped by.

        Raises `UserError` for an encoder of another width.
        """
        for block, layers in enumerate(self.blocks, 1):
            own = [layer for layer in layers.children() if isinstance(layer, nn.Conv2d)]
            for place, layer in enumerate(own, 1):
                published = steps[f"conv{block}_{place}"]
                if layer.weight.shape != published.weight.shape:
                    raise UserError("generator.encoder: published weights are of width 1: set generator.width=1")
                layer.load_state_dict(published.state_dict())
        self.mean.copy_(mean)
        self.deviation.copy_(deviation)


def check_classes(classes: int | None) -> int:
    """Return a number of classes; raises `UserError` where the data have none."""
    if classes is None or classes < 2:
        raise UserError(
            f"generator.classes={classes}: a network of segmentation needs two at least; data with maps of classes say "
            "how many (data=labelled_folder, voc, openmoji_parts)"
        )
    return classes


def check_side(side: int) -> int:
    """Return what five pools leave of a training crop's side; raises `UserError` where that is no whole number."""
    multiple = 1 << len(BLOCKS)
    if side < multiple or side % multiple:
        raise UserError(f"size={side}: networks of five pools need a multiple of {multiple}")
    return side // multiple
