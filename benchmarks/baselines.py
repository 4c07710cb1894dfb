"""Measure the completion methods that learn nothing: seconds for a picture of 256 x 256 pixels, on one thread.

uv run python benchmarks/baselines.py
"""

from __future__ import annotations

import statistics
import time

import cv2
import torch
from omegaconf import OmegaConf
from skimage import data

from henkan.config.build import build
from henkan.config.trees import config_folder

METHODS = ("telea", "navier_stokes", "biharmonic", "patchmatch", "criminisi")
HOLES = (64, 96)
TIMES = 3


def seconds(method: str, hole: int) -> float:
    """Return the median over a few photographs and times."""
    network = build(OmegaConf.load(config_folder() / "generator" / f"{method}.yaml"))
    found = []
    for picture in (data.astronaut(), data.chelsea(), data.coffee()):
        image = torch.from_numpy(cv2.resize(picture, (256, 256), interpolation=cv2.INTER_AREA))
        image = image.permute(2, 0, 1)[None] / 255.0
        mask = torch.zeros(1, 1, 256, 256)
        mask[..., 90 : 90 + hole, 90 : 90 + hole] = 1.0
        for _ in range(TIMES):
            since = time.perf_counter()
            network(image, mask)
            found.append(time.perf_counter() - since)
    return statistics.median(found)


def main() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    print(f"{'method':16}" + "".join(f"{f'hole {hole}x{hole}':>16}" for hole in HOLES))
    for method in METHODS:
        print(f"{method:16}" + "".join(f"{seconds(method, hole):14.3f} s" for hole in HOLES))


if __name__ == "__main__":
    main()
