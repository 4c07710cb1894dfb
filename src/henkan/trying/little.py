"""Little pictures to try things on: colored disks, drawings of lines, disks with the classes of their pixels."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

COUNTS = {"train": 8, "val": 4, "test": 4}
HEIGHT, WIDTH = 56, 64


def write_pictures(folder: Path) -> Path:
    """Write pictures of colored disks in folders train, val and test; return the folder."""
    for path, rng in places(folder):
        write(path, disks(rng))
    return folder


def write_drawings(folder: Path) -> Path:
    """Write drawings of black lines on white paper in folders train, val and test; return the folder."""
    for path, rng in places(folder):
        page = np.full((HEIGHT, WIDTH), 255, np.uint8)
        for _ in range(4):
            (x, y), (right, below) = rng.integers(0, HEIGHT, (2, 2)).tolist()
            cv2.line(page, (x, y), (right, below), 0, 2)
        write(path, page)
    return folder


def write_labelled(folder: Path) -> Path:
    """Write pictures, and beside them maps of three classes by their brightness; return the folder."""
    for path, rng in places(folder / "pictures"):
        picture = disks(rng)
        write(path, picture)
        labels = folder / "labels" / path.relative_to(folder / "pictures")
        write(labels, np.minimum(picture.mean(2) // 86, 2).astype(np.uint8))
    return folder


def places(folder: Path) -> list[tuple[Path, np.random.Generator]]:
    """Return where pictures lie, and of each what it is drawn with."""
    names = [folder / split / f"{number}.png" for split, count in COUNTS.items() for number in range(count)]
    return [(path, np.random.default_rng(seed)) for seed, path in enumerate(names)]


def disks(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a picture (H, W, 3) of disks."""
    picture = np.full((HEIGHT, WIDTH, 3), rng.integers(0, 256, 3), np.uint8)
    for _ in range(6):
        center = (int(rng.integers(0, WIDTH)), int(rng.integers(0, HEIGHT)))
        cv2.circle(picture, center, int(rng.integers(4, 18)), rng.integers(0, 256, 3).tolist(), -1)
    return picture


def write(path: Path, picture: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture)
