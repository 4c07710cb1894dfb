"""Drawings kept as strokes: drawn at any size, with any pen, when they are asked for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from henkan.data.cache import cache_folder, drop, locked
from henkan.data.pictures import Picture, Pictures
from henkan.data.stroke_reader import read_all
from henkan.data.strokes import Strokes
from henkan.data.svg import read_strokes
from henkan.errors import UserError
from henkan.files import Damaged, check_archive, replaced


class StrokePictures(Pictures):
    """Drawings of black lines on white, `side` pixels square as whole pictures.

    `line_width` is the pen's width in pixels of a sample, whatever its scale; null: the drawing's own, scaled with it.
    """

    channels = 1

    def __init__(
        self, names: Sequence[str], where: str, side: int, line_width: float | None, group: str | None = None
    ) -> None:
        super().__init__(names, where, group)
        if line_width is not None and not line_width > 0:
            raise UserError(f"data.line_width={line_width} must be above 0, or null: the drawings' own")
        self.side, self.line_width = side, line_width

    @abstractmethod
    def drawing(self, name: str) -> Strokes:
        """Return a drawing in the unit square."""

    def strokes(self, name: str) -> Strokes:
        return self.drawing(name).moved(np.array([[self.side, 0, 0], [0, self.side, 0]], np.float32))

    def size(self, name: str) -> tuple[int, int]:
        return self.side, self.side

    def draw(self, strokes: Strokes, height: int, width: int) -> Picture:
        """Return the drawing with this source's pen, (height, width, 1)."""
        return self.inked(strokes).drawn(height, width)

    def inked(self, strokes: Strokes) -> Strokes:
        """Return the strokes with the pen that this source draws with."""
        return strokes if self.line_width is None else strokes.with_width(self.line_width)

    def fingerprint(self, name: str) -> str:
        drawing = self.drawing(name)
        return blake2b(drawing.points.tobytes() + drawing.offsets.tobytes(), digest_size=16).hexdigest()

    def picture(self, name: str) -> Picture:
        return self.draw(self.strokes(name), self.side, self.side)


class StrokeStore:
    """The strokes of many drawings in one cached file, read from their sources once.

    `key` names the file; `group` is that of the SVG files that is read (see `read_strokes`). Sources
    without strokes are drawings of nothing.
    """

    def __init__(self, key: str, sources: Sequence[Path], group: str | None, cache: str | Path | None) -> None:
        self.sources, self.group = list(sources), group
        self.path = cache_folder(cache) / "strokes" / f"{key}.npz"
        self._arrays: dict[str, NDArray[Any]] | None = None

    def __getstate__(self) -> dict[str, object]:
        # A spawned worker reads the file itself.
        return {**self.__dict__, "_arrays": None}

    def prepare(self) -> None:
        """Read the sources, unless the cache has them. Raises `UserError` if none of them has strokes."""
        if self._whole():
            return
        with locked(self.path):
            if self._whole():
                return
            # The only one says why it cannot be read.
            alone = len(self.sources) == 1
            found = [read_strokes(self.sources[0], self.group)] if alone else read_all(self.sources, self.group)
            if not any(map(len, found)):
                raise UserError(f"none of the {len(found)} drawings beside {self.sources[0]} has strokes: no dark line")
            with replaced(self.path) as partial, partial.open("wb") as file:
                np.savez(
                    file,
                    points=np.concatenate([one.points for one in found]),
                    counts=np.concatenate([one.counts for one in found]),
                    width=np.concatenate([one.width for one in found]),
                    filled=np.concatenate([one.filled for one in found]),
                    strokes=np.array([len(one) for one in found], np.int64),
                )

    def _whole(self) -> bool:
        """Whether the cache has them, undamaged; what is damaged is dropped."""
        if self._arrays is None and self.path.exists():
            try:
                check_archive(self.path, "cache", "it is made anew")
            except Damaged:
                drop(self.path)
        return self.path.exists()

    def read(self, row: int) -> Strokes:
        """Return the drawing of source `row`."""
        if self._arrays is None:
            self.prepare()
            with np.load(self.path) as file:
                arrays = {name: file[name] for name in file.files}
            arrays["first"] = np.concatenate(([0], np.cumsum(arrays["strokes"])))
            arrays["offsets"] = np.concatenate(([0], np.cumsum(arrays["counts"])))
            self._arrays = arrays
        arrays = self._arrays
        a, b = arrays["first"][row], arrays["first"][row + 1]
        begin, end = arrays["offsets"][a], arrays["offsets"][b]
        points = arrays["points"][begin:end]
        return Strokes(
            points,
            arrays["offsets"][a : b + 1] - begin,
            arrays["width"][a:b],
            arrays["filled"][a:b],
            np.ones(len(points), np.float32),
        )

    def empty(self, row: int) -> bool:
        """Whether source `row` has no strokes."""
        return len(self.read(row)) == 0
