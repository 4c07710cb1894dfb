"""What per-image metrics share: exact arithmetic, one check of shapes, the mean inside the hole."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor
from torch.nn import functional

from henkan.errors import UserError
from henkan.precision import in_float32

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def exact(score: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Make `score` run without gradients and in float32 proper: bfloat16 or TF32 would ruin an SSIM unnoticed."""

    @functools.wraps(score)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        kinds = {value.device.type for value in (*args, *kwargs.values()) if isinstance(value, Tensor)}
        with torch.no_grad(), in_float32(kinds.pop() if kinds else "cpu"):
            return score(*args, **kwargs)

    return run


def require_pair(output: Tensor, target: Tensor, mask: Tensor | None = None) -> None:
    """Raise `UserError` unless both are (B, C, H, W) of one shape, and the mask is (B, 1, H, W)."""
    if output.ndim != 4 or output.shape != target.shape:
        raise UserError(
            f"a metric compares pictures of one shape, not {tuple(output.shape)} with {tuple(target.shape)}: "
            "mend its `reads`"
        )
    if mask is not None and mask.shape != (len(output), 1, *output.shape[2:]):
        raise UserError(
            f"a mask for {tuple(output.shape)} has one channel and the same sides, not {tuple(mask.shape)}: "
            "mend the metric's `reads`"
        )


def require_side(images: Tensor, smallest: int, name: str) -> None:
    """Raise `UserError` for pictures of which the last layers of a metric's network would see nothing."""
    if min(images.shape[-2:]) < smallest:
        raise UserError(
            f"{name} needs sides of {smallest} pixels at least, not {min(images.shape[-2:])}: leave it out of `metric`"
        )


def unit_distance(ours: Tensor, theirs: Tensor) -> Tensor:
    """Return each image's mean over positions of ‖f / ‖f‖ - g / ‖g‖‖², f and g the features: (B, C, H, W) -> (B,).

    In [0, 4].
    """
    return (functional.normalize(ours) - functional.normalize(theirs)).square().sum(1).mean((1, 2))


def hole_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Return each image's mean over channels and the pixels where `mask` is 1: (B, C, H, W) -> (B,).

    A mask that counts no pixel gives NaN: there is no score to tell.
    """
    # `where`, not a product: what is not counted may be infinite.
    total = torch.where(mask > 0, values, 0.0).flatten(1).sum(1)
    return total / ((mask > 0).flatten(1).sum(1) * values.shape[1])
