"""What tests of SVG files share: writing one, and its ink as it is read and as it is rendered."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import resvg_py

from henkan.data.svg import read_strokes
from henkan.data.svg_ink import DARK, fonts

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {}>{}</svg>'
PAGE = 'width="100" height="100" viewBox="0 0 100 100"'
SIDE = 400
# One hundredth of the page: something to be seen beside what is not.
INK = '<rect x="85" y="85" width="10" height="10"/>'
DISC = math.pi / 1e4
COVER = '<rect width="80" height="80" {}/>'
WHITE = 'fill="#fff"'
TARGET = '<g class="a"><g><rect class="b" x="10" y="10" width="60" height="60"/></g></g>'


def write(folder: Path, content: str, size: str = PAGE) -> Path:
    path = folder / "a.svg"
    path.write_text(SVG.format(size, content))
    return path


def drawn(path: Path) -> np.ndarray:
    page: np.ndarray = read_strokes(path).moved(np.array([[SIDE, 0, 0], [0, SIDE, 0]], np.float32)).drawn(SIDE, SIDE)
    return page[..., 0] < DARK


def rendered(path: Path) -> np.ndarray:
    known = fonts() if "<text" in path.read_text() else {"skip_system_fonts": True}
    png = resvg_py.svg_to_bytes(svg_path=str(path), width=SIDE, background="#fff", **known)
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    return np.asarray(picture < DARK)


def wrong(ours: np.ndarray, true: np.ndarray) -> float:
    """What is ink by one of the two, and farther than one pixel from what is by the other, as a share of all ink."""
    wide = [cv2.dilate(ink.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0 for ink in (ours, true)]
    return float(((ours & ~wide[1]) | (true & ~wide[0])).sum() / (ours | true).sum())
