"""Local windows: one batched integer gather, clamped to the picture."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from henkan.errors import UserError
from henkan.sample import Sample
from henkan.tasks.task import Side


def cut_windows(images: Tensor, centers: Tensor, side: int) -> Tensor:
    """Cut a `side` x `side` window around each picture's own center.

    `images` (B, C, H, W), `centers` (B, 2) int64 as (y, x); returns (B, C, side, side). A window that would leave
    the picture is moved inside. Raises `UserError` if the window is larger than the picture.
    """
    batch, _, height, width = images.shape
    if side > min(height, width):
        raise UserError(f"a local window of {side} pixels does not fit a picture of {height}x{width}; lower `window`")
    top, left = (centers - side // 2).unbind(1)
    steps = torch.arange(side, device=images.device)
    rows = (top.clamp(0, height - side)[:, None] + steps)[:, :, None]
    columns = (left.clamp(0, width - side)[:, None] + steps)[:, None, :]
    entries = torch.arange(batch, device=images.device)[:, None, None]
    # Advanced indices first, channels last: (B, side, side, C), which is also the fast layout.
    return images.permute(0, 2, 3, 1)[entries, rows, columns].permute(0, 3, 1, 2)


def windows_of(sample: Sample, side: Side, length: int) -> Callable[[Sample], Tensor]:
    """Return what cuts the local windows of a judged `image`: those of the hole, or of a real picture's own draw."""
    return lambda judged: cut_windows(judged["image"], sample["window" if side == "fake" else "window_real"], length)
