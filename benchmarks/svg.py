"""Measure how much of the ink in SVG drawings is read, and how long that takes.

    uv run python benchmarks/svg.py FOLDER [--files 500] [--side 384]

Each of some files of a folder, spread over it, is drawn from its strokes with its own pens, and by resvg; ink is what
is darker than 96 of 255. The two agree in a pixel if the other one has ink there or in a pixel beside it. Prints, of
files with 100 pixels of ink or more, the intersection over union so defined, seconds, and the worst ones by name.
"""

from __future__ import annotations

import argparse
import gzip
import re
import time
from pathlib import Path

import cv2
import numpy as np
import resvg_py
from numpy.typing import NDArray

from henkan.data.svg import read_strokes
from henkan.data.svg_folder import EXTENSIONS
from henkan.data.svg_ink import DARK, fonts
from henkan.errors import UserError

WANTED, SLOWEST = 0.9, 5.0
# Fewer dark pixels are those of hairlines, grey at this size.
INK = 100

Ink = NDArray[np.bool_]


def judged(path: Path, side: int) -> Ink | None:
    """Return where a file is dark by resvg, its longer side so many pixels, on a square page; None if it is no file."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode(errors="replace")
    # resvg asks for the name space, which many an old file goes without.
    text = re.sub(r"<svg(?![^>]*\sxmlns=)", '<svg xmlns="http://www.w3.org/2000/svg"', text, count=1)
    for width, height in ((side, None), (None, side)):
        try:
            png = resvg_py.svg_to_bytes(svg_string=text, background="#ffffff", width=width, height=height, **fonts())
        except ValueError:
            return None
        picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert picture is not None
        dark: Ink = np.less(picture, DARK)
        if max(dark.shape) == side:
            break
    page = np.zeros((side, side), bool)
    page[: dark.shape[0], : dark.shape[1]] = dark
    return page


def read(path: Path, side: int) -> Ink | None:
    """Return where a file is dark as henkan draws it; None if it is left out."""
    try:
        strokes = read_strokes(path)
    except UserError:
        return None
    return strokes.moved(np.array([[side, 0, 0], [0, side, 0]], np.float32)).drawn(side, side)[..., 0] < DARK


def agreement(ours: Ink, true: Ink) -> float:
    """Return the intersection over union of two pictures, within one pixel."""
    wide = [cv2.dilate(ink.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0 for ink in (ours, true)]
    return 1 - float(((ours & ~wide[1]) | (true & ~wide[0])).sum() / max((ours | true).sum(), 1))


def main() -> None:
    parser = argparse.ArgumentParser(description="How much of the ink of SVG drawings is read, and how fast.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--side", type=int, default=384)
    given = parser.parse_args()
    paths = sorted(path for path in given.folder.rglob("*") if path.suffix.lower() in EXTENSIONS)
    paths = paths[:: max(1, len(paths) // given.files)]
    scores: dict[Path, float] = {}
    seconds: dict[Path, float] = {}
    refused = 0
    for path in paths:
        true = judged(path, given.side)
        since = time.process_time()
        ours = read(path, given.side)
        seconds[path] = time.process_time() - since
        if true is None or true.sum() < INK:
            refused += 1
        else:
            scores[path] = 0.0 if ours is None else agreement(ours, true)
    values = np.array(list(scores.values()))
    times = np.array(list(seconds.values()))
    print(
        f"{len(paths)} files, {refused} with less than {INK} pixels of ink by resvg; "
        f"{len(values)} compared at {given.side} px"
    )
    print(f"IoU: median {np.median(values):.3f} (wanted {WANTED}), mean {values.mean():.3f}, ", end="")
    print(f"below 0.9 in {(values < 0.9).mean():.1%}, below 0.5 in {(values < 0.5).mean():.1%}")
    print(f"seconds: median {np.median(times):.2f}, 99 % {np.quantile(times, 0.99):.2f}, ", end="")
    print(f"most {times.max():.2f} (wanted {SLOWEST})")
    for title, table, sign in (("worst", scores, 1), ("slowest", seconds, -1)):
        print(
            title,
            *(f"  {table[path]:.2f} {path}" for path in sorted(table, key=lambda p: sign * table[p])[:12]),
            sep="\n",
        )


if __name__ == "__main__":
    main()
