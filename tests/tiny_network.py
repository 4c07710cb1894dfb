"""A file of weights as published networks have them, small: an ESRGAN of two blocks."""

from __future__ import annotations

from pathlib import Path

import torch
from spandrel.architectures.ESRGAN import ESRGAN


def esrgan(scale: int) -> ESRGAN:
    """Return one with random weights, always the same ones."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return ESRGAN(num_filters=8, num_blocks=2, scale=scale)


def saved(folder: Path, scale: int = 1) -> Path:
    """Save its weights in a folder."""
    path = folder / f"tiny_x{scale}.pth"
    torch.save(esrgan(scale).state_dict(), path)
    return path
