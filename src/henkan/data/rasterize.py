"""Rasterize SVG files into rows of one .npy file: `python -m henkan.data.rasterize`, one process a core.

Processes of their own, since the renderer holds Python's lock, and started rather than forked, so that
nothing is inherited from a process that has threads or a main module that cannot be imported twice.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
import resvg_py
from rich.console import Console
from rich.progress import track

from henkan.cores import cores
from henkan.data.pictures import Picture
from henkan.errors import UserError

# Starting a process costs about as much as this many pictures.
PICTURES_WORTH_A_PROCESS = 100


def rasterize(path: Path, side: int, background: str) -> Picture:
    """Return an SVG file drawn on `background` (a CSS color) at `side` x `side` pixels."""
    png = resvg_py.svg_to_bytes(
        svg_path=str(path), width=side, height=side, background=background, skip_system_fonts=True
    )
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None and picture.shape == (side, side, 3), path
    return np.ascontiguousarray(picture[..., ::-1], dtype=np.uint8)


def rasterize_all(
    paths: Sequence[Path], target: Path, side: int, background: str, title: str, channels: int = 3
) -> None:
    """Write the pictures of `paths` as one (N, side, side, channels) uint8 array to the .npy file `target`.

    `channels` is 1 for pictures that have no color. Shows a progress bar titled `title`. Raises `UserError` if a
    process fails.
    """
    np.lib.format.open_memmap(target, "w+", np.uint8, (len(paths), side, side, channels)).flush()
    if hasattr(os, "posix_fallocate"):
        # The room is taken now: on a disk that is full, writing into a mapped file would end the process (SIGBUS).
        with target.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, target.stat().st_size)
    count = max(1, min(cores(), len(paths) // PICTURES_WORTH_A_PROCESS))
    reading, writing = os.pipe()
    with ExitStack() as stack:
        ticks = stack.enter_context(open(reading, "rb", buffering=0))
        processes = []
        for first in range(count):
            command = [
                sys.executable,
                "-m",
                __name__,
                str(target),
                str(side),
                background,
                str(first),
                str(count),
            ]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=writing, stderr=subprocess.PIPE)
            stack.enter_context(process)
            stack.callback(process.kill)
            processes.append(process)
        os.close(writing)
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(json.dumps([str(path) for path in paths]).encode())
            process.stdin.close()
        # Every process writes one byte a picture into the common pipe; it ends when the last one does.
        for _ in track(iter(lambda: ticks.read(1), b""), title, len(paths), console=Console(stderr=True)):
            pass
        for process in processes:
            assert process.stderr is not None
            complaint = process.stderr.read().decode(errors="replace").strip()
            if process.wait() != 0:
                reason = complaint.splitlines()[-1] if complaint else f"exit code {process.returncode}"
                raise UserError(f"{title}: failed ({reason}); check the room left in paths.cache")


def main(arguments: Sequence[str]) -> None:
    """Draw every `count`-th path of the JSON list on stdin, from `first` on, into its row."""
    target, side, background, first, count = arguments
    paths = [Path(path) for path in json.load(sys.stdin)]
    rows = np.lib.format.open_memmap(target, "r+")
    for row in range(int(first), len(paths), int(count)):
        rows[row] = rasterize(paths[row], int(side), background)[..., : rows.shape[-1]]
        os.write(sys.stdout.fileno(), b".")
    rows.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
