"""Enlarge a picture: what a network of super-resolution makes of a person's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from henkan.baselines.bidirectional import Bidirectional
from henkan.data.drawings import Floats
from henkan.errors import UserError
from henkan.prediction.retargeting import Retargeting
from henkan.prediction.whole_pictures import WholePictures

# No picture larger than this is made: Pillow would not read it again.
LARGEST = 1 << 27


class EnlargePictures(WholePictures):
    """Gives the whole picture to the network, in tiles that fit the budget; grey stays grey, alpha is enlarged too.

    What makes pictures of a size that was given, or moves objects in them, is shown the whole picture.
    """

    retargeting: Retargeting | None = None

    def expect(self, pictures: Sequence[Path]) -> list[Path]:
        if isinstance(self.network, Bidirectional):
            self.retargeting = Retargeting(self.network, self.cfg, pictures)
            return self.retargeting.companions
        for key in ("importance", "move"):
            if self.cfg.get(key) is not None:
                raise UserError(f"{key}={self.cfg[key]} is for generator=bidirectional: this one only enlarges")
        return []

    def opened(self, path: Path, page: int) -> Image.Image:
        image = super().opened(path, page)
        if self.retargeting is not None and self.retargeting.move is not None and is_transparent(image):
            raise UserError(f"{path} has transparent parts, which would not move: save it without")
        return image

    def answer(self, picture: Floats, name: str) -> Floats:
        if self.retargeting is not None:
            return self.retargeting.answer(picture, Path(name), self.device)
        height, width = (side * self.transform.task.scale for side in picture.shape[:2])
        if width * height > LARGEST:
            raise UserError(f"{name} would become {width}x{height} pixels: cut it, or make it smaller first")
        return super().answer(picture, name)


def is_transparent(image: Image.Image) -> bool:
    """Whether something shines through a picture."""
    return image.mode in ("LA", "RGBA") and image.getchannel("A").getextrema() != (255, 255)
