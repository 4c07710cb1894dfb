"""Maps of classes in files: what each value means, and which values may be there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from henkan.data.decode import opened
from henkan.data.pictures import Picture
from henkan.errors import UserError
from henkan.sample import UNKNOWN

MOST = UNKNOWN
"""How many classes 8 bits can tell, beside the unknown."""


def read_labels(path: Path) -> Picture:
    """Return a map of classes (H, W, 1), as the file has it: the palette's indexes, or grey values.

    Raises `UserError` for a picture in color, or with more than 8 bits.
    """
    with opened(path) as image:
        if image.mode not in ("P", "L"):
            raise UserError(
                f"{path} is no map of classes but a picture of mode {image.mode}: save it with a palette, or as grey "
                "of 8 bits, whose values are the classes"
            )
        return np.asarray(image, np.uint8)[..., None].copy()


def checked(labels: Picture, classes: Sequence[str], path: Path, mend: bool) -> Picture:
    """Return a map whose values are classes or `UNKNOWN`; others become `UNKNOWN` with `mend`.

    Otherwise they raise `UserError`, which names the file and a value.
    """
    wrong = (labels >= len(classes)) & (labels != UNKNOWN)
    if wrong.any() and not mend:
        value = int(labels[wrong][0])
        raise UserError(
            f"{path} has the value {value}, and there are {len(classes)} classes, from 0 on, and {UNKNOWN} for "
            "unknown: mend it, name more classes (data.classes=[...]), or take others for unknown (data.others=unknown)"
        )
    labels[wrong] = UNKNOWN
    return labels
