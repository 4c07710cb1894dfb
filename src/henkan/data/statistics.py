"""Statistics of the training split: computed once, exactly, and remembered."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from henkan.data.cache import cache_folder, locked
from henkan.data.pictures import Pictures
from henkan.files import replaced

PICTURES_WORTH_A_BAR = 100


def mean_color(pictures: Pictures, cache: str | Path | None) -> list[float]:
    """Return the mean [red, green, blue] in [0, 1] over all pixels of the training split, exactly.

    Remembered in `cache` by the manifest of the pictures.
    """
    memory = cache_folder(cache) / "statistics" / f"{pictures.manifest()}.json"
    if memory.exists():
        return [float(value) for value in json.loads(memory.read_text())["mean"]]
    names = pictures.some_names("train")
    pictures.prepare()
    total, count = np.zeros(3, np.int64), 0
    quiet = len(names) < PICTURES_WORTH_A_BAR
    for name in track(names, "mean color", console=Console(stderr=True), disable=quiet):
        picture = pictures.picture(name)
        # Rows first: the sum of a row of bytes fits 32 bits, which is the fast way.
        total += picture.sum(axis=1, dtype=np.uint32).sum(axis=0, dtype=np.int64)
        count += picture.shape[0] * picture.shape[1]
    mean = [int(channel) / (255 * count) for channel in total]
    with locked(memory), replaced(memory) as partial:
        partial.write_text(json.dumps({"mean": mean}))
    return mean
