"""Pictures of any folder decoded once, no larger than needed, in one file that all processes map into memory."""

from __future__ import annotations

import json
import mmap
import os
import zlib
from collections.abc import Callable, Iterable
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
import PIL

from henkan.data.ahead import ahead
from henkan.data.cache import cache_folder, drop, locked, recalled, remember
from henkan.data.decode import decode
from henkan.data.kept import Kept, State, state_now
from henkan.data.pictures import Picture
from henkan.errors import BrokenPicture, UserError
from henkan.files import Damaged
from henkan.progress import followed
from henkan.ranks import say

# Its format: another one is another file.
VERSION = 1
# Pictures after which the file's table is written again: an interruption loses no more.
BETWEEN = 2_000
# So many bytes are said before they are written.
LARGE = 10 << 30

Row = list[int]
"""Of a picture: size and time of change of its file, where it begins in bytes, height, width, channels, checksum."""


class Shelf:
    """Pictures of so many channels whose shorter side has at most `side` pixels, means over areas of those in files
    below `folder`.

    They lie in a file of `cache`, as they are in memory, with a table beside it, and are read without decoding. What
    has changed since, by size and time, is written anew at the end; a picture that cannot be decoded is none of them.
    """

    def __init__(self, side: int, cache: str | Path | None, folder: Path, channels: int = 3) -> None:
        if side < 1:
            raise UserError(f"data.cache_side={side} must be 1 pixel or more, or null")
        self.side, self.folder = side, folder
        # What decodes may give other values in another version.
        parts = [VERSION, str(folder.resolve()), side, channels, PIL.__version__, cv2.__version__]
        key = blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()
        self.pixels = cache_folder(cache) / "pictures" / f"shelf-{key}.bin"
        self.table = self.pixels.with_suffix(".json")
        self._open: tuple[mmap.mmap, dict[str, Row]] | None = None
        self._checked: set[str] = set()

    def __getstate__(self) -> dict[str, object]:
        # A worker maps the file itself.
        return {**self.__dict__, "_open": None, "_checked": set()}

    def __call__(self, path: Path, decode: Callable[[Path], Picture]) -> Picture:
        """Return the picture in a file, as `decode` gives it but no larger; not to be written to."""
        if self._open is None:
            self._open = self._opened()
        content, rows = self._open
        name, state = self._name(path), state_now(path)
        row = rows.get(name)
        if row is None or tuple(row[:2]) != state:
            return shrunk(decode(path), self.side)
        _, _, begin, height, width, channels, expected = row
        found = np.frombuffer(content, np.uint8, height * width * channels, begin).reshape(height, width, channels)
        if name not in self._checked:
            # Once a process.
            if zlib.crc32(found.data) != expected:
                self._drop()
                raise Damaged(f"{self.pixels} was damaged (at {name}) and is removed: the same command makes it anew")
            self._checked.add(name)
        return found

    def reduced(self, path: Path, choose: Callable[[int, int], int]) -> tuple[Picture, int]:
        """Return the picture in a file, which was made smaller before; see `Kept.reduced`."""
        found = self(path, decode)
        choose(*found.shape[:2])
        return found, 1

    def prepare(self, paths: Iterable[Path], decode: Callable[[Path], Picture]) -> None:
        """Write what is missing of the pictures in some files: one process does, several threads of it."""
        wanted = {self._name(path): path for path in paths}
        states = {name: state_now(path) for name, path in wanted.items()}

        def missing(rows: dict[str, Row]) -> list[str]:
            return [name for name, state in states.items() if tuple(rows.get(name, ())[:2]) != state]

        if not missing(self._rows()):
            return
        with locked(self.pixels):
            rows = self._rows()
            if new := missing(rows):
                self._open = None
                self._write({name: wanted[name] for name in new}, states, rows, decode)

    def _write(
        self, paths: dict[str, Path], states: dict[str, State], rows: dict[str, Row], decode: Callable[[Path], Picture]
    ) -> None:
        """Append pictures to the file, and their rows to the table; what was written is kept in any case."""

        def read(path: Path) -> Picture | None:
            try:
                return np.ascontiguousarray(shrunk(decode(path), self.side))
            except BrokenPicture:
                # Said by whoever reads it.
                return None

        end, written = end_of(rows), 0
        if not rows:
            # Another process may read what is there: its file stays as it is.
            self.pixels.unlink(missing_ok=True)
        title = f"pictures at {self.side} px"
        with (
            self.pixels.open("r+b" if self.pixels.exists() else "wb") as file,
            followed(title, len(paths), "picture") as advance,
        ):
            # What lies beyond was being written when a process was killed.
            file.truncate(end)
            file.seek(end)
            try:
                for number, (name, picture) in enumerate(zip(paths, ahead(read, paths.values()), strict=True)):
                    if number == 0 and picture is not None and picture.nbytes * len(paths) > LARGE:
                        say(f"{title}: about {picture.nbytes * len(paths) / 2**30:,.0f} GiB in {self.pixels}")
                    if picture is not None:
                        file.write(picture.data)
                        rows[name] = [*states[name], end, *picture.shape, zlib.crc32(picture.data)]
                        end += picture.nbytes
                        written += 1
                    if written >= BETWEEN:
                        self._remember(file, rows)
                        written = 0
                    advance()
            finally:
                if written:
                    self._remember(file, rows)

    def _remember(self, file: BinaryIO, rows: dict[str, Row]) -> None:
        file.flush()
        os.fsync(file.fileno())
        remember(self.table, rows)

    def _rows(self) -> dict[str, Row]:
        """Return the table, of a file that is as long as it says; what is not is dropped."""
        rows: dict[str, Row] = recalled(self.table) or {}
        if end_of(rows) > (self.pixels.stat().st_size if self.pixels.exists() else 0):
            self._drop()
            return {}
        return rows

    def _opened(self) -> tuple[mmap.mmap, dict[str, Row]]:
        rows = self._rows()
        if not rows:
            return mmap.mmap(-1, 1), {}
        with self.pixels.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), rows

    def _drop(self) -> None:
        drop(self.table)
        self.pixels.unlink(missing_ok=True)

    def _name(self, path: Path) -> str:
        return os.path.relpath(path, self.folder)


def end_of(rows: dict[str, Row]) -> int:
    """Return where the last of some pictures ends, in bytes."""
    return max(
        (begin + height * width * channels for _, _, begin, height, width, channels, _ in rows.values()), default=0
    )


def kept_at(side: int | None, cache: str | Path | None, folder: Path, channels: int) -> Kept | Shelf:
    """Return what keeps the pictures of a folder: in memory as they are, or on disk no larger than `side`."""
    return Kept() if side is None else Shelf(side, cache, folder, channels)


def shrunk_size(height: int, width: int, side: int | None) -> tuple[int, int]:
    """Return height and width of a picture once its shorter side has at most `side` pixels."""
    scale = 1.0 if side is None else min(1.0, side / min(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def shrunk(picture: Picture, side: int) -> Picture:
    """Return a picture (H, W, C) whose shorter side has at most `side` pixels, by means over areas."""
    height, width = shrunk_size(picture.shape[0], picture.shape[1], side)
    if (height, width) == picture.shape[:2]:
        return picture
    found = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return found.reshape(height, width, -1)
