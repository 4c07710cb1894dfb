"""Any folder of SVG drawings, kept as strokes."""

from __future__ import annotations

from collections.abc import Collection
from importlib.metadata import version
from pathlib import Path

from henkan.data.contents import hash_contents
from henkan.data.image_folder import list_files
from henkan.data.notices import some
from henkan.data.splits import Split
from henkan.data.stroke_pictures import StrokePictures, StrokeStore
from henkan.data.strokes import Strokes
from henkan.data.svg import READER
from henkan.errors import UserError
from henkan.ranks import say

EXTENSIONS = frozenset({".svg", ".svgz"})


class SvgFolder(StrokePictures):
    """The dark lines and areas of the SVG files in a folder and all folders below it, each on a square page.

    openclipart, say: what is seen of them, see `read_strokes`. Files without strokes, and what is no SVG, are left out
    and said to be; a folder of nothing else is refused.
    """

    def __init__(
        self,
        path: str | Path,
        side: int,
        line_width: float | None = 2.0,
        cache: str | Path | None = None,
        group: str | None = None,
    ) -> None:
        self.path, self.cache = Path(path).expanduser(), cache
        names = list_files(self.path, EXTENSIONS)
        self._content = hash_contents(self.path, names, cache)
        readers = "-".join(name + version(name) for name in ("svgelements", "resvg-py"))
        key = f"folder{READER}-{self._content}-{readers}"
        self._store = StrokeStore(key, [self.path / name for name in names], None, cache)
        self._rows = {name: row for row, name in enumerate(names)}
        drawn = [name for name in names if not self._store.empty(self._rows[name])]
        if not drawn:
            raise UserError(f"{self.path}: no SVG file has strokes, no dark line and no dark area")
        if left := sorted(set(names) - set(drawn)):
            count = f"{len(left)} of {len(names)} SVG files"
            say(f"{self.path}: {count} have no strokes or cannot be read, and are left out: {some(left)}")
        super().__init__(drawn, str(self.path), side, line_width, group)

    def drawing(self, name: str) -> Strokes:
        return self._store.read(self._rows[name])

    def files(self, name: str) -> tuple[Path, ...]:
        return (self.path / name,)

    def manifest(self) -> str:
        return self.as_split(f"{READER}-{self._content}-{self.side}-{self.line_width}")

    def manifest_of(self, splits: Collection[Split]) -> str:
        content = hash_contents(self.path, [name for split in splits for name in self._names[split]], self.cache)
        return self.as_split(f"{READER}-{content}-{self.side}-{self.line_width}", splits)
