"""How samples lie on disk, in chunks: files that a person can look at, or tar files in WebDataset's layout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from henkan.data.pictures import Picture
from henkan.data.splits import Split
from henkan.errors import UserError

FORMATS = ("files", "tar")
# The pictures of a sample that are written.
LAYERS = ("source", "target", "mask", "strokes")


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


def is_whole(folder: Path, chunk: Chunk) -> bool:
    """Whether a chunk has been written, all of it."""
    path = folder / chunk.manifest
    return path.is_file() and path.read_text().count("\n") == len(chunk)


def decoded(content: bytes, where: str) -> Picture:
    """Return a picture (H, W, C) of PNG content, with as many channels as were written.

    Raises `UserError` if it is damaged.
    """
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED) if content else None
    if pixels is None:
        raise UserError(f"{where} cannot be decoded: write it again (remove its manifest and start henkan degrade)")
    return np.ascontiguousarray(pixels[..., None] if pixels.ndim == 2 else pixels[..., ::-1]).astype(
        np.uint8, copy=False
    )
