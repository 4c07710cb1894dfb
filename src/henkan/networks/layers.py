"""What networks share: channels under a width multiplier, normalization, initialization, spectral norm."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from henkan.errors import UserError

Normalization = Callable[[int], nn.Module]
"""Builds the normalization of so many channels (`torch.nn.BatchNorm2d`, say)."""

Convolution = nn.Conv2d | nn.ConvTranspose2d
_NARROWEST = 8


def scaled(channels: int, width: float) -> int:
    """Return the paper's number of channels times `width`, rounded, at least 8."""
    return max(_NARROWEST, round(channels * width))


def normalized(layer: Convolution, normalization: Normalization | None) -> list[nn.Module]:
    """Return `layer`, followed by the normalization of its channels where there is one."""
    return [layer] if normalization is None else [layer, normalization(layer.out_channels)]


def check_vectors(normalization: Normalization | None) -> None:
    """Raise `UserError` for instance normalization in a network that makes a vector of a picture."""
    if normalization is not None and isinstance(normalization(1), nn.InstanceNorm2d):
        raise UserError(
            "instance normalization leaves nothing of a vector: set generator.normalization=null, or "
            "generator.normalization._target_=torch.nn.BatchNorm2d"
        )


def chain(blocks: Iterable[nn.Module], x: Tensor) -> list[Tensor]:
    """Return the answer of every block, each of which is given that of the one before."""
    answers: list[Tensor] = []
    for block in blocks:
        x = block(x)
        answers.append(x)
    return answers


def initialize_he(network: nn.Module) -> None:
    """Draw the weights of every convolution and linear layer from N(0, 2 / fan_in), biases 0 (He 2015).

    For networks without normalization, where the scale of the weights is the scale of the signal: with
    PyTorch's own initialization each ReLU layer passes on a sixth of the variance.
    """
    for layer in network.modules():
        if isinstance(layer, Convolution | nn.Linear):
            if isinstance(layer, nn.ConvTranspose2d):
                # Each output sums every stride-th tap only, which torch.nn.init does not account for.
                fan_in = layer.weight[:, 0].numel() / math.prod(layer.stride)
            else:
                fan_in = layer.weight[0].numel()
            nn.init.normal_(layer.weight, 0.0, math.sqrt(2.0 / fan_in))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def initialize_pix2pix(network: nn.Module) -> None:
    """Draw convolution weights from N(0, 0.02), normalization weights from N(1, 0.02), biases 0 (pix2pix)."""
    for layer in network.modules():
        if isinstance(layer, Convolution):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d | nn.InstanceNorm2d) and layer.affine:
            nn.init.normal_(layer.weight, 1.0, 0.02)
            nn.init.zeros_(layer.bias)


def add_spectral_norm(network: nn.Module) -> None:
    """Divide the weight of every convolution and linear layer by its largest singular value (Miyato 2018).

    One power iteration each training forward. Call it after the initialization: it starts from the weights it
    finds.
    """
    for layer in list(network.modules()):
        if isinstance(layer, Convolution | nn.Linear):
            spectral_norm(layer)
