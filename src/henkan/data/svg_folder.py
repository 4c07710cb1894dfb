"""Any folder of SVG drawings, kept as strokes."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from henkan.data.contents import hash_contents
from henkan.data.image_folder import list_files
from henkan.data.stroke_pictures import StrokePictures, StrokeStore
from henkan.data.strokes import Strokes
from henkan.data.svg import read_strokes
from henkan.errors import UserError

EXTENSIONS = frozenset({".svg"})


class SvgFolder(StrokePictures):
    """The dark lines of the SVG files in a folder and all folders below it, each on a square page.

    openclipart, say. Files without strokes are left out; a folder of nothing else is refused.
    """

    def __init__(
        self, path: str | Path, side: int, line_width: float | None = 2.0, cache: str | Path | None = None
    ) -> None:
        self.path, self.cache = Path(path).expanduser(), cache
        names = list_files(self.path, EXTENSIONS)
        self._content = hash_contents(self.path, names, cache)
        key = f"folder-{self._content}-svgelements{version('svgelements')}"
        self._store = StrokeStore(key, [self.path / name for name in names], read_strokes, cache)
        self._rows = {name: row for row, name in enumerate(names)}
        drawn = [name for name in names if not self._store.empty(self._rows[name])]
        if not drawn:
            raise UserError(f"{self.path}: no SVG file has strokes, no dark line and no dark area")
        super().__init__(drawn, str(self.path), side, line_width)

    def drawing(self, name: str) -> Strokes:
        return self._store.read(self._rows[name])

    def manifest(self) -> str:
        return f"{self._content}-{self.side}-{self.line_width}"
