"""Statistics of the training split: computed once, exactly, and remembered."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track

from henkan.data.cache import cache_folder, locked
from henkan.data.pictures import Pictures
from henkan.files import replaced

PICTURES_WORTH_A_BAR = 100


def measure(pictures: Pictures, cache: str | Path | None) -> dict[str, Any]:
    """Return statistics of all pixels of the training split, exactly, for values in [0, 1].

    `mean` has a value a channel, [red, green, blue] or [grey]; `deviation` is the standard deviation of all channels
    together. Remembered in `cache` by the manifest of the pictures.
    """
    memory = cache_folder(cache) / "statistics" / f"{pictures.manifest()}.json"
    if memory.exists():
        known: dict[str, Any] = json.loads(memory.read_text())
        if known.keys() == {"mean", "deviation"}:
            return known
    names = pictures.some_names("train")
    pictures.prepare()
    counts = np.zeros((pictures.channels, 256), np.int64)
    quiet = len(names) < PICTURES_WORTH_A_BAR
    for name in track(names, "statistics", console=Console(stderr=True), disable=quiet):
        picture = pictures.picture(name)
        for channel in range(pictures.channels):
            counts[channel] += cv2.calcHist([picture], [channel], None, [256], [0, 256]).ravel().astype(np.int64)
    # Whole numbers, so that the sums are exact.
    values = np.arange(256)
    count = int(counts[0].sum())
    sums = [int(own @ values) for own in counts]
    average = sum(sums) / (255 * count * len(sums))
    square = int((counts @ values**2).sum()) / (255**2 * count * len(sums))
    found = {"mean": [own / (255 * count) for own in sums], "deviation": math.sqrt(max(0.0, square - average**2))}
    with locked(memory), replaced(memory) as partial:
        partial.write_text(json.dumps(found))
    return found
