"""Strokes of color that a person has painted on white, or on a transparent layer, in whatever file they were kept."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from henkan.data.decode import opened
from henkan.data.masks import LOSSY
from henkan.prediction.given import Layer
from henkan.prediction.pictures import read

Pixels = NDArray[np.uint8]
Where = NDArray[np.bool_]
# Lighter than this in every channel is no stroke.
WHITE = 250
# Compression leaves traces around strokes: in such a file only what is darker than this somewhere is a stroke.
DIRTY = 208
# A file of traces has more pixels that are hardly not white than this, for each that is clearly painted; the soft rims
# of strokes have few.
TRACES = 0.1


def read_layer(path: Path) -> Layer:
    """Return the layer in a file."""
    with opened(path) as file:
        lossy = file.format in LOSSY
    return Layer(read(path), str(path), lossy)


def parted(layer: Layer) -> tuple[Pixels, Where, bool]:
    """Return colors (H, W, 3), where something is painted (H, W), and whether compression has left its traces there."""
    image = layer.image
    colors = np.array(image.convert("RGB"))
    if image.mode in ("LA", "RGBA") and not (opaque := np.asarray(image.getchannel("A")) > 127).all():
        # On a transparent layer white is a color too.
        return colors, opaque, False
    darkest = colors.min(axis=2)
    clear = darkest < DIRTY
    traces = np.count_nonzero((darkest >= WHITE) & (darkest < 255)) > TRACES * np.count_nonzero(clear)
    if clear.any() and (layer.lossy or traces):
        return colors, clear, True
    return colors, darkest < WHITE, False


def inner(painted: Where) -> Where:
    """Return strokes without their rims, whose colors compression has mixed with white; thin ones stay as they are."""
    core = cv2.erode(painted.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1)
    near = cv2.dilate(core, np.ones((7, 7), np.uint8)) > 0
    return np.asarray((core > 0) | (painted & ~near))
