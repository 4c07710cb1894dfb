"""Draw the style pictures that are ours to give away: `mosaic`, colored glass between dark lead.

    uv run python experiments/zoo/styles.py experiments/zoo

A network of the zoo learns one of them; the same numbers are drawn every time.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

SIDE = 512
# Pixels from one piece of glass to the next, and half of the lead between two.
SPACING, LEAD = 22.0, 1.6
GLASS = np.array(
    (
        *((20, 60, 140), (30, 120, 190), (60, 170, 160), (40, 120, 60)),
        *((240, 200, 60), (230, 130, 40), (190, 40, 50), (120, 30, 90)),
    )
)
LEADEN = np.array([24.0, 22.0, 26.0])


def mosaic(seed: int = 0) -> NDArray[np.uint8]:
    """Return (SIDE, SIDE, 3): the cells of scattered points, their colors along curving bands, no two quite alike."""
    rng = np.random.default_rng(seed)
    count = int(SIDE / SPACING)
    grid = (np.stack(np.meshgrid(np.arange(count), np.arange(count)), axis=-1).reshape(-1, 2) + 0.5) * SIDE / count
    points = grid + rng.uniform(-0.42, 0.42, grid.shape) * SPACING
    pixels = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), axis=-1).reshape(-1, 2) + 0.5
    distances, nearest = cKDTree(points).query(pixels, k=2)
    # How far a pixel is from the border of its cell.
    between = np.linalg.norm(points[nearest[:, 0]] - points[nearest[:, 1]], axis=1)
    border = (distances[:, 1] ** 2 - distances[:, 0] ** 2) / (2.0 * between)
    x, y = points.T / SIDE
    band = (
        2.0 * np.sin(3.0 * x + 2.0 * np.sin(4.0 * y)) + 3.0 * np.hypot(x - 0.3, y - 0.6) + rng.normal(0, 0.12, len(x))
    )
    colors = GLASS[np.floor(band * 2.2).astype(int) % len(GLASS)] * rng.uniform(0.75, 1.2, (len(x), 1))
    # Glass is lighter towards its upper left.
    light = 1.0 + 0.006 * (points[nearest[:, 0]] - pixels).sum(axis=1, keepdims=True)
    glass = np.clip(border / LEAD - 0.5, 0.0, 1.0)[:, None]
    picture = glass * colors[nearest[:, 0]] * light + (1.0 - glass) * LEADEN
    return np.asarray(np.clip(picture, 0, 255), np.uint8).reshape(SIDE, SIDE, 3)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "mosaic.jpg"
    cv2.imwrite(str(path), cv2.cvtColor(mosaic(), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92])
    print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
