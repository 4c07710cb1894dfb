"""Measure what patches and equations do without learning: seconds for a picture of 256 x 256 pixels, on one thread.

uv run python benchmarks/baselines.py [--side 256] [--times 3] [METHOD ...]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import cv2
import torch
from omegaconf import DictConfig, OmegaConf
from skimage import data
from torch import Tensor, nn

from henkan.config.build import build
from henkan.config.trees import config_folder

METHODS = (
    "telea",
    "navier_stokes",
    "biharmonic",
    "patchmatch",
    "criminisi",
    "image_melding",
    "planar_guidance",
)
# Shares of the side: holes, and new widths for what gives a picture another size.
HOLES, WIDTHS = (1 / 4, 3 / 8), (3 / 4, 5 / 4)
RETARGETING = "bidirectional"


def built(method: str, **settings: Any) -> nn.Module:
    """Return a generator by the name of its option."""
    node = OmegaConf.merge(OmegaConf.load(config_folder() / "generator" / f"{method}.yaml"), settings)
    assert isinstance(node, DictConfig)
    network: nn.Module = build(node)
    return network


def photographs(side: int) -> list[Tensor]:
    """Return a few photographs, (1, 3, side, side)."""
    found = []
    for picture in (data.astronaut(), data.chelsea(), data.coffee()):  # type: ignore[no-untyped-call]
        image = torch.from_numpy(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA))
        found.append(image.permute(2, 0, 1)[None] / 255.0)
    return found


def seconds(apply: Callable[[Tensor], object], side: int, times: int) -> float:
    """Return the median over the photographs and times."""
    found = []
    for image in photographs(side):
        for _ in range(times):
            since = time.perf_counter()
            apply(image)
            found.append(time.perf_counter() - since)
    return statistics.median(found)


def filling(method: str, side: int, times: int, hole: int) -> float:
    """Return the seconds that a method takes for a square hole."""
    network, mask, corner = built(method), torch.zeros(1, 1, side, side), round(0.35 * side)
    mask[..., corner : corner + hole, corner : corner + hole] = 1.0
    return seconds(lambda image: network(image, mask), side, times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="*", metavar="METHOD", help="all of them, where none is named")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--times", type=int, default=3)
    given = parser.parse_args()
    methods = given.methods or [*METHODS, RETARGETING]
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    holes, widths = ([round(share * given.side) for share in shares] for shares in (HOLES, WIDTHS))
    print(f"{'method':16}" + "".join(f"{f'hole {hole}x{hole}':>16}" for hole in holes))
    for method in methods:
        if method != RETARGETING:
            found = [filling(method, given.side, given.times, hole) for hole in holes]
            print(f"{method:16}" + "".join(f"{one:14.3f} s" for one in found), flush=True)
    if RETARGETING in methods:
        print(f"{'method':16}" + "".join(f"{f'width {width}':>16}" for width in widths))
        networks = [built(RETARGETING, size=[width, given.side]) for width in widths]
        found = [seconds(network, given.side, given.times) for network in networks]
        print(f"{RETARGETING:16}" + "".join(f"{one:14.3f} s" for one in found))


if __name__ == "__main__":
    main()
