"""Measure how many rough sketches a core makes in a second, from strokes and from pixels, against what training takes.

    uv run python benchmarks/generation.py [hydra overrides ...]

256 px, one thread. The other side is arithmetic: the operations of the full-width network of 2016 for one sample,
forward and backward, at the share of an H200's bf16 peak that such convolutions reach, with 16 cores a GPU.
"""

from __future__ import annotations

import sys
import time
from zlib import crc32

import cv2
import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from henkan.config.build import build
from henkan.config.composition import compose_root
from henkan.data.stream import TrainingStream, collate
from henkan.sample import to_float
from henkan.training.assemble import build_network

SIZE, BATCH, COUNT = 256, 16, 96
PRESETS = ("pencil_light", "pencil_heavy", "ballpoint", "photographed_page")
# Of an H200's 989 TFLOP/s in bf16; convolutions of this size reach about so much.
PEAK, SHARE, CORES = 989e12, 0.4, 16


def main(overrides: list[str]) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    needed = training_speed() / CORES
    print(f"training at {SIZE} px: about {needed * CORES:.0f} samples/s on one H200 (arithmetic), {needed:.0f} a core")
    print(f"{'preset':20}{'from':>8}{'worker ms':>11}{'page ms':>9}{'samples/s a core':>18}{'in workers alone':>18}")
    for preset in PRESETS:
        for source in ("strokes", "pixels"):
            worker, page = seconds(preset, source, overrides)
            figures = f"{1e3 * worker:11.2f}{1e3 * page:9.2f}{1 / (worker + page):18.0f}{1 / worker:18.0f}"
            print(f"{preset:20}{source:>8}{figures}")


def training_speed() -> float:
    """Return how many samples a second an H200 would train on, by its operations."""
    words = [
        "experiment=sketch_simplification_2016",
        "scale=paper",
        "statistics.mean=[0.9]",
        "statistics.deviation=0.2",
    ]
    with torch.device("meta"):
        network = build_network(compose_root("train", words), "generator")  # type: ignore[arg-type]
        image = torch.zeros(1, 1, SIZE, SIZE)
        counter = FlopCounterMode(display=False)
        with counter:
            network(image)["raw"].sum().backward()
    return PEAK * SHARE / counter.get_total_flops()


def seconds(preset: str, source: str, overrides: list[str]) -> tuple[float, float]:
    """Return the seconds that a sample takes in a worker, and then as part of a batch on the device (here, the CPU)."""
    given = [
        "experiment=sketch_simplification_2016",
        f"scale.size={SIZE}",
        f"degradation={preset}",
        "data.line_width=3.0",
    ]
    cfg = compose_root("train", [*given, *overrides])
    data, degradation = build(cfg.data), build(cfg.degradation)
    stream = TrainingStream(data, build(cfg.augmentation), degradation, 0)
    if source == "pixels":
        # The same drawings, as if nothing of their strokes were known: decoded, turned and cut as pixels.
        pages = {name: data.picture(name) for name in data.names("train")[:200]}
        data.strokes = lambda name: None
        data.picture = lambda name: pages[list(pages)[crc32(name.encode()) % len(pages)]]
    items = [stream["generator", k] for k in range(BATCH)]
    batch = collate(items)
    degradation.apply(to_float(batch))
    start = time.perf_counter()
    for k in range(COUNT):
        stream["generator", k]
    worker = (time.perf_counter() - start) / COUNT
    times = []
    for _ in range(5):
        start = time.perf_counter()
        degradation.apply(to_float(batch))
        times.append((time.perf_counter() - start) / BATCH)
    return worker, float(np.median(times))


if __name__ == "__main__":
    main(sys.argv[1:])
