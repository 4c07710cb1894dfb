"""Paint a sketch by a few strokes of color: what a network of sketches makes of a person's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from henkan.data.decode import opened
from henkan.data.drawings import Floats
from henkan.errors import UserError
from henkan.prediction.companions import companions_of
from henkan.prediction.given import NOTHING, Given, Layer
from henkan.prediction.line_drawing import rescaled, whitened
from henkan.prediction.pictures import as_picture, on_white
from henkan.prediction.predictor import PICTURE, Predictor
from henkan.prediction.strokes import WHITE, parted, read_layer
from henkan.ranks import say

# How colors may be stored where white must be white.
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA")


class PaintSketches(Predictor):
    """Gives the whole sketch to the network, its paper made white, with its strokes, in tiles that fit the budget.

    `strokes` is a picture of the same size, or a folder with one of the sketch's stem; where there is none the network
    chooses the colors.
    """

    takes = frozenset({"strokes"})
    profiled = False

    def expect(self, pictures: Sequence[Path]) -> list[Path]:
        super().expect(pictures)
        self.strokes: dict[Path, Path] = {}
        if self.cfg.strokes is not None:
            given, count = Path(str(self.cfg.strokes)), len(pictures)
            if not given.exists():
                raise UserError(f"strokes={given} is neither a picture nor a folder")
            if count > 1 and not given.is_dir():
                raise UserError(f"strokes={given} is one picture for {count} sketches: give a folder of strokes")
            self.strokes = companions_of(pictures, given, self.place)
            if without := count - len(self.strokes):
                say(f"{without} of {count} sketches have no STEM.png in {given}, and are painted without strokes")
        return list(self.strokes.values())

    def beside(self, path: Path) -> Given:
        own = self.strokes.get(path)
        return NOTHING if own is None else Given(strokes=read_strokes(own))

    def made(self, image: Image.Image, given: Given = NOTHING, name: str = PICTURE) -> Image.Image:
        sketch, layer = whitened(on_white(image), name, self.cfg.invert), given.strokes
        strokes = np.ones((*sketch.shape, 3), np.float32) if layer is None else on_paper(layer)
        if layer is not None and strokes.shape[:2] != sketch.shape:
            size = f"{strokes.shape[1]}x{strokes.shape[0]}"
            raise UserError(
                f"{layer.name} has {size} pixels and {name} {image.width}x{image.height}: draw the strokes at its size"
            )
        if self.cfg.resize != 1.0:
            sketch = rescaled(sketch, self.cfg.resize, name)
            strokes = np.stack([rescaled(strokes[..., channel], self.cfg.resize, name) for channel in range(3)], axis=2)
        self.compare_lines(sketch, name)
        return as_picture(self.painted(sketch, strokes))

    def painted(self, sketch: Floats, strokes: Floats) -> Floats:
        """Return the network's picture (H, W, 3) of a sketch (H, W) and strokes (H, W, 3), all in [0, 1]."""
        both = np.dstack((sketch, strokes))
        return self.in_tiles(both, lambda tile: self.output(tile[:, :1], strokes=tile[:, 1:]))


def read_strokes(path: Path) -> Layer:
    """Return the strokes in a file.

    Raises `UserError` for one whose colors would not come back as they were painted.
    """
    with opened(path) as file:
        mode = file.mode
    if mode not in MODES and not mode.startswith(("I", "F")):
        raise UserError(f"{path} has colors in {mode}: save the strokes as PNG, in RGB or RGBA")
    return read_layer(path)


def on_paper(layer: Layer) -> Floats:
    """Return strokes, (H, W, 3) in [0, 1], white where there is none: where the layer is transparent, or white."""
    colors, painted, dirty = parted(layer)
    if not dirty:
        # What is half transparent is mixed with white, as a person sees it.
        colors = np.asarray((255 * on_white(layer.image)).round(), np.uint8)
        painted = np.asarray((colors < WHITE).any(axis=2))
    return np.where(painted[..., None], colors.astype(np.float32) / 255, np.float32(1))
