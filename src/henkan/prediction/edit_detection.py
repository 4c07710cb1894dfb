"""Say where a picture may have been edited: a map as large as the picture, white = edited."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from henkan.prediction.pictures import as_picture, on_white, read
from henkan.prediction.predictor import Predictor


class FindEdits(Predictor):
    """Gives the whole picture to the network, in tiles that fit the budget, at its own size: resizing wipes out traces.

    What is transparent is looked at on white.
    """

    def __call__(self, path: Path, page: int = 0) -> Iterator[tuple[str, bytes]]:
        image = read(path, page)
        yield self.written(as_picture(self.in_tiles(on_white(image), self.output)[..., 0]), image)
