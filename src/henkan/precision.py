"""Arithmetic in float32 proper, whatever a run trains in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

SETTINGS: dict[str, Any] = {
    "convolutions": torch.backends.cudnn.conv,  # type: ignore[attr-defined]
    "products of matrices": torch.backends.cuda.matmul,
}
"""What PyTorch may compute in TF32 on a GPU. Not by the older `allow_tf32`: reading one after the other raises."""


@contextmanager
def in_float32(kind: str) -> Iterator[None]:
    """Compute in float32 on devices of this `kind` ("cpu", "cuda", …): outside autocast, and without TF32.

    With TF32 a GPU reads 10 of the 23 bits of what it multiplies, and PyTorch lets convolutions do so unless told
    otherwise: an SSIM, which is a small difference of large means, comes out a fifth too low. The switches are the
    process's, not the thread's; a backward pass counts where it runs.
    """
    before = [setting.fp32_precision for setting in SETTINGS.values()]
    for setting in SETTINGS.values():
        setting.fp32_precision = "ieee"
    try:
        with torch.autocast(kind, enabled=False):
            yield
    finally:
        for setting, value in zip(SETTINGS.values(), before, strict=True):
            setting.fp32_precision = value


def tf32() -> list[str]:
    """Return what of a CUDA device's float32 arithmetic is TF32 now."""
    return [name for name, setting in SETTINGS.items() if setting.fp32_precision == "tf32"]
