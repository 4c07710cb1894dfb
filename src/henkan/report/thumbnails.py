"""Pictures as they go into a page: whole, or so small that thousands fit."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from henkan.cores import cores

# The longest side of a small picture: a cell of the grid on a wide screen.
SIDE = 112
# Bytes of a picture of that side that stays as it is.
LIGHT = 5_000
# The side that two pictures are compared at.
COMPARED = 32

Given, Made = TypeVar("Given"), TypeVar("Made")
# How the address of a picture begins that is in the page with every pixel.
WHOLE = "data:image/png"


def whole(path: Path) -> str:
    """Return a PNG as a data address, every pixel of it."""
    return data(path.read_bytes(), "png")


def small(path: Path) -> str:
    """Return a picture as a data address of at most some kilobytes: small and light ones as they are."""
    with Image.open(path) as opened:
        if max(opened.size) <= SIDE and path.stat().st_size <= LIGHT:
            return whole(path)
        picture = opened.convert("RGB")
    picture.thumbnail((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    raw = BytesIO()
    picture.save(raw, "WEBP", quality=76, method=2)
    return data(raw.getvalue(), "webp")


def data(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{b64encode(content).decode('ascii')}"


def reduced(path: Path) -> np.ndarray:
    """Return a picture at the size that two are compared at: COMPARED x COMPARED x 3, float32 in [0, 1]."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB").resize((COMPARED, COMPARED), Image.Resampling.BOX)
    return np.asarray(picture, np.float32) / 255


def at_once(work: Callable[[Given], Made], given: Iterable[Given]) -> Generator[Made]:
    """Yield what work makes of each, in order, on all cores: Pillow lets go of Python while it decodes and encodes.

    Closed before its end, it begins no other.
    """
    pool = ThreadPoolExecutor(cores())
    try:
        yield from pool.map(work, given)
    finally:
        pool.shutdown(cancel_futures=True)
