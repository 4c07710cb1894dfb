"""Enlarge a picture: what a network of super-resolution makes of a person's own."""

from __future__ import annotations

from henkan.data.drawings import Floats
from henkan.errors import UserError
from henkan.prediction.whole_pictures import WholePictures

# No picture larger than this is made: Pillow would not read it again.
LARGEST = 1 << 27


class EnlargePictures(WholePictures):
    """Gives the whole picture to the network, in tiles that fit the budget; grey stays grey, alpha is enlarged too."""

    def answer(self, picture: Floats, name: str) -> Floats:
        height, width = (side * self.transform.task.scale for side in picture.shape[:2])
        if width * height > LARGEST:
            raise UserError(f"{name} would become {width}x{height} pixels: cut it, or make it smaller first")
        return super().answer(picture, name)
