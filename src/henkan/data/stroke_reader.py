"""Read the strokes of many SVG files: `python -m henkan.data.stroke_reader`, one process a core.

Processes of their own, as those that rasterize; a file that ends one, or that takes too long, is left out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from queue import SimpleQueue
from threading import Timer

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track
from safetensors import SafetensorError
from safetensors.numpy import load, save

from henkan.cores import cores
from henkan.data.strokes import Strokes
from henkan.data.svg import read_drawing
from henkan.errors import UserError
from henkan.ranks import say

# Starting a process costs about as much as this many drawings.
DRAWINGS_WORTH_A_PROCESS = 16
DRAWINGS_WORTH_A_BAR = 100
# Seconds; none of openclipart's takes one.
PATIENCE = 60.0
# Bytes that say how long an answer is.
SIZE = 8
# What an answer has beside the fields of the strokes.
LINKED = "linked"

Answer = tuple[int, Strokes]
"""How many linked pictures a file has, and its strokes."""


class Reader:
    """A process that reads one file after the other; started when it is needed."""

    def __init__(self, group: str | None) -> None:
        self.group = group
        self.process: subprocess.Popen[bytes] | None = None

    def read(self, path: Path) -> Answer:
        """Return the strokes of a file, none where they cannot be read, and how many linked pictures it has."""
        if self.process is None:
            command = [sys.executable, "-m", __name__, json.dumps(self.group)]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
            self.process = subprocess.Popen(command, **pipes)  # type: ignore[call-overload]
        process = self.process
        assert process is not None and process.stdin is not None and process.stdout is not None
        timer = Timer(PATIENCE, process.kill)
        timer.start()
        try:
            process.stdin.write(json.dumps(os.fspath(path)).encode() + b"\n")
            process.stdin.flush()
            size = int.from_bytes(process.stdout.read(SIZE))
            found = load(process.stdout.read(size))
            return int(found.pop(LINKED)), Strokes(**found)
        except (BrokenPipeError, SafetensorError):
            # It has ended, and what it has answered with it.
            self.close()
            return 0, Strokes.of([])
        finally:
            timer.cancel()

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            with self.process as process:
                # What it was asked and has not read.
                with suppress(BrokenPipeError):
                    assert process.stdin is not None
                    process.stdin.close()
                self.process = None


def read_all(paths: Sequence[Path], group: str | None) -> list[Strokes]:
    """Return the strokes of SVG files (see `read_strokes`), none for each that has none or cannot be read.

    Says how many have pictures that lie in other files, and are left out.
    """
    found = read_each(paths, group)
    if count := sum(linked > 0 for linked, _ in found):
        first = next(path for path, (linked, _) in zip(paths, found, strict=True) if linked)
        say(f"linked pictures are left out of {count} of {len(paths)} SVG files ({first}): embed what is linked")
    return [strokes for _, strokes in found]


def read_each(paths: Sequence[Path], group: str | None) -> list[Answer]:
    """Return what is read of each file, in processes where there are many."""
    count = min(cores(), len(paths) // DRAWINGS_WORTH_A_PROCESS)
    if count == 0:
        return [readable(path, group) for path in paths]
    readers = [Reader(group) for _ in range(count)]
    free: SimpleQueue[Reader] = SimpleQueue()
    for reader in readers:
        free.put(reader)

    def read(path: Path) -> Answer:
        reader = free.get()
        try:
            return reader.read(path)
        finally:
            free.put(reader)

    quiet = len(paths) < DRAWINGS_WORTH_A_BAR
    pool = ThreadPoolExecutor(count)
    try:
        found = pool.map(read, paths)
        return list(track(found, "reading strokes", len(paths), console=Console(stderr=True), disable=quiet))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for reader in readers:
            reader.close()


def readable(path: Path, group: str | None) -> Answer:
    try:
        strokes, linked = read_drawing(path, group)
    except UserError:
        return 0, Strokes.of([])
    return linked, strokes


def main(group: str | None) -> None:
    """Write the strokes of each path on stdin, a JSON string a line, to stdout."""
    cv2.setNumThreads(1)
    # What else is printed is no answer.
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        for line in sys.stdin:
            linked, strokes = readable(Path(json.loads(line)), group)
            arrays = {field.name: getattr(strokes, field.name) for field in fields(strokes)}
            content = save({**arrays, LINKED: np.array(linked)})
            answers.write(len(content).to_bytes(SIZE) + content)
            answers.flush()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
