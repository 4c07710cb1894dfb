"""Measure what `henkan predict` needs for a photograph of 12 megapixels with a hole.

    uv run python benchmarks/predict.py

One process a generator: GLCIC at full width (weights as they start, which cost what trained ones do), and Telea. Prints
seconds and peak memory, start of the process included.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from skimage import data

SIZE, HOLE = (4000, 3000), (700, 500)
WANTED = 4.0


def photograph(folder: Path) -> list[str]:
    """Write a photograph of 12 megapixels and its mask, and return the words that name them."""
    picture = cv2.resize(data.astronaut(), SIZE, interpolation=cv2.INTER_CUBIC)  # type: ignore[no-untyped-call]
    mask = np.zeros(SIZE[::-1], np.uint8)
    mask[1200 : 1200 + HOLE[1], 1500 : 1500 + HOLE[0]] = 255
    cv2.imwrite(str(folder / "photo.jpg"), picture[..., ::-1])
    cv2.imwrite(str(folder / "photo_mask.png"), mask)
    return [f"input={folder / 'photo.jpg'}", f"output={folder / 'out'}"]


def untrained(folder: Path) -> str:
    """Write the shortest run of GLCIC at full width and return the word that names it."""
    words = ["train", "experiment=glcic", "scale=smoke", "scale.width=1.0", "loss=[mse]", "logger=none"]
    words += ["schedule.reconstruction.iterations=1", "schedule.joint.iterations=1", "evaluation.split=null"]
    command = [sys.executable, "-m", "henkan", *words, "validation.pictures=1", f"paths.runs={folder / 'runs'}"]
    run = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    return f"run={run}"


def measure(words: list[str]) -> tuple[float, float]:
    """Return seconds, and the peak memory in GB of the largest process so far."""
    since = time.perf_counter()
    subprocess.run([sys.executable, "-m", "henkan", "predict", *words], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - since, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        words = photograph(folder)
        # The smaller one first: the peak is that of all children so far.
        for name, generator in (("telea", "generator=telea"), ("glcic", untrained(folder))):
            seconds, memory = measure([*words, generator])
            print(f"{name}: {seconds:.1f} s, at most {memory:.2f} GB, wanted below {WANTED} GB")


if __name__ == "__main__":
    main()
