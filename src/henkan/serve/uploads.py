"""What the page sends, taken apart in memory and believed nothing: bounded first, decoded then, never kept.

A body is one line of JSON and, after it, the files that `sizes` in it lists, in that order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from henkan.data.decode import decode, opened, upright
from henkan.errors import UserError
from henkan.prediction.given import whole_numbers

# What is decoded. Not all that Pillow opens: it has PostScript, for one, run by another program.
FORMATS = frozenset({"AVIF", "BMP", "GIF", "HEIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TGA", "TIFF", "WEBP"})
# No line of JSON is longer, and no list of points.
HEAD, POINTS = 1 << 20, 10_000
# No path is longer.
LINE = 4096
# No point lies further out: a whole number may be larger than any float.
FURTHEST = 1e9
COLOR = re.compile("#[0-9a-fA-F]{6}")
WRONG = "the page sent what it never does: load it again"


@dataclass(frozen=True)
class Upload:
    """What was sent: facts, and files by their names."""

    facts: Mapping[str, Any]
    files: Mapping[str, bytes]

    @property
    def name(self) -> str:
        """What the picture's file is called, for messages."""
        name = self.facts.get("name")
        return re.sub(r"[^\w. ()-]", "_", name)[-80:] if isinstance(name, str) and name else "the picture"

    def picture(self, key: str, most: int) -> Image.Image:
        """Return a picture in RGB, as a person sees it. Raises `UserError` for what is none, or too large."""
        path, content = Path(self.name if key == "picture" else f"the {key}"), self.file(key)
        check_size(path, content, most)
        return Image.fromarray(decode(path, content))

    def layer(self, key: str, most: int) -> Image.Image:
        """Return what was painted, on a transparent ground."""
        path, content = Path(f"the {key}"), self.file(key)
        check_size(path, content, most)
        with opened(path, content) as image:
            return upright(image).convert("RGBA")

    def file(self, key: str) -> bytes:
        if key not in self.files:
            raise UserError(f"no {key} was sent: load the page again")
        return self.files[key]

    def points(self) -> list[tuple[float, float, str]] | None:
        """Return points of color [x, y, "#rrggbb"]; None where there are none."""
        given = self.facts.get("points")
        if not given:
            return None
        if not isinstance(given, list) or len(given) > POINTS or not all(map(is_point, given)):
            raise UserError(WRONG)
        return [(x, y, color) for x, y, color in given]

    def words(self, key: str) -> str:
        """Return what a person has typed, in one line."""
        given = self.facts.get(key)
        if not isinstance(given, str) or not given.strip() or len(given) > LINE or not given.isprintable():
            raise UserError(WRONG)
        return given.strip()

    def whole_number(self, key: str, most: int) -> int:
        """Return a number from 0 to `most`."""
        given = self.facts.get(key)
        if type(given) is not int or not 0 <= given <= most:
            raise UserError(WRONG)
        return given

    def whole_numbers(self, key: str, count: int) -> list[int]:
        given = self.facts.get(key)
        if not whole_numbers(given, count):
            raise UserError(WRONG)
        return list(given)


def parse(body: bytes) -> Upload:
    """Take a body apart. Raises `UserError` for one that this page does not send."""
    end = body.find(b"\n", 0, HEAD)
    try:
        facts = json.loads(body[: max(end, 0)])
    except (ValueError, RecursionError):
        raise UserError(WRONG) from None
    sizes = facts.get("sizes") if isinstance(facts, dict) else None
    if not isinstance(sizes, dict) or not all(type(size) is int and size >= 0 for size in sizes.values()):
        raise UserError(WRONG)
    if sum(sizes.values()) != len(body) - end - 1:
        raise UserError(WRONG)
    files, at = {}, end + 1
    for key, size in sizes.items():
        files[key] = body[at : at + size]
        at += size
    return Upload(facts, files)


def check_size(path: Path, content: bytes, most: int) -> None:
    """Raise `UserError` for a picture of another format, or of too many pixels, which are not decoded for that."""
    with opened(path, content) as image:
        if image.format not in FORMATS:
            raise UserError(f"{path} is {image.format}, which is not taken: save it as PNG or JPEG")
        if image.width * image.height > most:
            raise UserError(
                f"{path} has {image.width}x{image.height} pixels, {image.width * image.height / 1e6:.0f} million: "
                f"at most {most / 1e6:g} million are taken (most.pixels=…)"
            )


def is_point(given: Any) -> bool:
    """Whether something is [x, y, "#rrggbb"]."""
    if not (isinstance(given, list) and len(given) == 3):
        return False
    *place, color = given
    numbers = all(type(value) in (int, float) and abs(value) < FURTHEST for value in place)
    return numbers and isinstance(color, str) and COLOR.fullmatch(color) is not None
