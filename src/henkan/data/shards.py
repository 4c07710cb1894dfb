"""How samples lie on disk, in chunks: files that a person can look at, or tar files in WebDataset's layout."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from henkan.data.pictures import Picture
from henkan.data.splits import Split
from henkan.files import Damaged, read_sealed, read_text, unsealed

FORMATS = ("files", "tar")
AGAIN = "the same henkan degrade writes it again"
ELSEWHERE = "write the samples again, into another folder with output=DIR"
# The pictures of a sample that are written.
LAYERS = ("source", "target", "mask", "strokes", "labels")


@dataclass(frozen=True)
class Chunk:
    """Samples `start` to `stop` (excluded) of a split."""

    split: Split
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def manifest(self) -> str:
        """The file that lists a chunk, written when all of it is there."""
        return f"manifest/{self.split}-{self.start:07d}.jsonl"

    @property
    def archive(self) -> str:
        return f"{self.split}/{self.start:07d}.tar"

    @property
    def index(self) -> str:
        """The file that says where in the archive each member lies."""
        return f"{self.split}/{self.start:07d}.json"


def key(number: int) -> str:
    return f"{number:07d}"


def is_whole(folder: Path, chunk: Chunk, format: str) -> bool:
    """Whether a chunk has been written, all of it, and nothing that says where it lies was damaged since."""
    try:
        found = rows(folder / chunk.manifest)
        if format == "tar":
            size = (folder / chunk.archive).stat().st_size
            return (
                len(found) == len(chunk) and max(sum(place) for place in index(folder / chunk.index).values()) <= size
            )
    except (Damaged, FileNotFoundError):
        return False
    return len(found) == len(chunk)


def rows(path: Path) -> dict[str, dict[str, Any]]:
    """Return the lines of a chunk's manifest by key; raises `Damaged` if one is not as it was written."""
    found = {}
    for number, line in enumerate(read_text(path, AGAIN).splitlines(), 1):
        try:
            row, intact = unsealed(json.loads(line))
        except ValueError:
            row, intact = {}, False
        if not intact or not isinstance(row.get("key"), str) or not isinstance(row.get("facts"), dict):
            raise Damaged(f"{path} is damaged at line {number}; {AGAIN}")
        found[row["key"]] = row
    return found


def index(path: Path) -> dict[str, list[int]]:
    """Return where in an archive each member lies, and how long it is; raises `Damaged` if that was damaged."""
    found = read_sealed(path, AGAIN)
    for place in found.values():
        if not (isinstance(place, list) and len(place) == 2 and all(isinstance(n, int) and n >= 0 for n in place)):
            raise Damaged(f"{path} is damaged; {AGAIN}")
    return found


def decoded(content: bytes, where: str) -> Picture:
    """Return a picture (H, W, C) of PNG content, with as many channels as were written.

    Raises `Damaged` if it cannot be decoded.
    """
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED) if content else None
    if pixels is None:
        raise Damaged(f"{where} cannot be decoded: remove its manifest, then {AGAIN}")
    return np.ascontiguousarray(pixels[..., None] if pixels.ndim == 2 else pixels[..., ::-1]).astype(
        np.uint8, copy=False
    )
