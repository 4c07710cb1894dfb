"""Measure how long reading a training sample takes, by format and size, with and without what makes it faster.

    uv run python benchmarks/reading.py PHOTOGRAPH [--count 6] [--side 384]

A photograph is enlarged to each size and saved in each format, some times. Prints milliseconds a picture on one core:
to decode it whole, for a sample of 256 pixels as training reads it (`crop_flip` from a shorter side of 256 to 384), for
the same by `data.cache_side`, and for a sample of a pair of A4 pages (300 dpi, PNG): decoded each time, kept in memory,
and by `data.cache_side` above their size. What is kept was read before.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from henkan.data.decode import decode
from henkan.data.framing import CropFlip, Framing, TurnCrop
from henkan.data.image_folder import ImageFolder
from henkan.data.kept import Kept, keeping_none
from henkan.data.paired_lines import PairedLines
from henkan.data.pictures import Pictures
from henkan.data.stream import TrainingStream
from henkan.degradations.identity import Identity

SIZES = {"0.15 MP": (481, 321), "2 MP": (1732, 1155), "12 MP": (4242, 2828), "24 MP": (6000, 4000)}
FORMATS = {"jpg": {"quality": 90}, "png": {}, "webp": {"quality": 90}}
A4 = (2480, 3508)


def milliseconds(function: Callable[[int], object], count: int) -> float:
    since = time.perf_counter()
    for number in range(count):
        function(number)
    return 1e3 * (time.perf_counter() - since) / count


def samples(pictures: Pictures, framing: Framing) -> Callable[[int], object]:
    """Return what reads a sample by its number."""
    stream = TrainingStream(pictures, framing, Identity(), seed=0)
    return lambda number: stream["generator", number]


def photographs(source: Image.Image, place: Path, count: int, side: int) -> None:
    framing = CropFlip(256, [256, 384])
    print(f"{'':<16}{'whole':>9}{'sample':>9}{f'at {side}':>9}")
    for title, size in SIZES.items():
        large = source.convert("RGB").resize(size, Image.Resampling.BICUBIC)
        for ending, options in FORMATS.items():
            folder = place / f"{title}-{ending}" / "train"
            folder.mkdir(parents=True)
            paths = [folder / f"{number}.{ending}" for number in range(count)]
            large.save(paths[0], **options)  # type: ignore[arg-type]
            for path in paths[1:]:
                path.hardlink_to(paths[0])
            whole = milliseconds(lambda number, paths=paths: decode(paths[number]), count)  # type: ignore[misc]
            fresh = milliseconds(samples(keeping_none(ImageFolder(folder.parent)), framing), count)
            shelved = samples(ImageFolder(folder.parent, place / "cache", cache_side=side), framing)
            print(f"{title:<10}{ending:<6}{whole:9.1f}{fresh:9.1f}{milliseconds(shelved, 10 * count):9.1f}", flush=True)


def pages(place: Path, count: int) -> None:
    """Time pairs of drawings: some hundred lines on white paper."""
    rng = np.random.default_rng(0)
    page = Image.fromarray(rng.integers(225, 256, A4[::-1], np.uint8))
    for _ in range(300):
        x, y, length = rng.integers(0, A4[0] - 600), rng.integers(0, A4[1] - 8), rng.integers(50, 600)
        page.paste(40, (int(x), int(y), int(x + length), int(y + 5)))
    for side in ("source", "target"):
        (place / side / "train").mkdir(parents=True)
        page.save(place / side / "train" / "0.png")
        for number in range(1, count):
            (place / side / "train" / f"{number}.png").hardlink_to(place / side / "train" / "0.png")
    framing = TurnCrop(384, [1.5, 3.5], blank=1.1)
    anew, kept = PairedLines(place), PairedLines(place)
    anew._kept = Kept(budget=0)
    for title, pictures in {
        "decoded": anew,
        "in memory": kept,
        "cache_side": PairedLines(place, cache=place / "cache", cache_side=4000),
    }.items():
        read = samples(pictures, framing)
        if pictures is not anew:
            milliseconds(read, 4 * count)
        print(f"A4 pairs, {title:<12}{milliseconds(read, 2 * count):9.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photograph", type=Path)
    parser.add_argument("--count", type=int, default=6)
    parser.add_argument("--side", type=int, default=384)
    given = parser.parse_args()
    with TemporaryDirectory() as place, Image.open(given.photograph) as source:
        photographs(source, Path(place) / "photographs", given.count, given.side)
        pages(Path(place) / "pages", given.count)


if __name__ == "__main__":
    main()
