"""Tiny pictures to test with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def folder_of(path: Path, names: Sequence[str], height: int = 12, width: int = 16) -> Path:
    """Write one picture of noise for each of `names` below `path`, and return `path`."""
    for seed, name in enumerate(names):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise(height, width, seed)).save(path / name)
    return path
