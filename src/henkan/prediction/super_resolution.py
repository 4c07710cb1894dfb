"""Enlarge a picture: what a network of super-resolution makes of a person's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from henkan.baselines.bidirectional import Bidirectional
from henkan.data.drawings import Floats
from henkan.errors import UserError
from henkan.networks.modes import learns
from henkan.prediction.given import NOTHING, Given
from henkan.prediction.predictor import PICTURE
from henkan.prediction.retargeting import Companions, check_retargeting, retargeted
from henkan.prediction.whole_pictures import WholePictures

# No picture larger than this is made: Pillow would not read it again.
LARGEST = 1 << 27


class EnlargePictures(WholePictures):
    """Gives the whole picture to the network, in tiles that fit the budget; grey stays grey, alpha is enlarged too.

    What makes pictures of a size that was given, or moves objects in them, is shown the whole picture.
    """

    companions: Companions | None = None
    takes = frozenset({"importance", "move", "mask"})

    def check(self, given: Mapping[str, Any]) -> None:
        super().check(given)
        if isinstance(self.network, Bidirectional):
            check_retargeting(self.network, given)
        elif given:
            key = next(iter(given))
            raise UserError(f"{key}={given[key]} is for generator=bidirectional: this one only enlarges")
        elif not learns(self.network) and self.transform.task.scale == 1:
            raise UserError(
                "how many times larger is not said, and this method would change nothing: add degradation=bicubic "
                "degradation.scale=4"
            )

    def expect(self, pictures: Sequence[Path]) -> list[Path]:
        super().expect(pictures)
        self.companions = (
            Companions(self.cfg, pictures, self.place) if isinstance(self.network, Bidirectional) else None
        )
        return [] if self.companions is None else self.companions.files

    def beside(self, path: Path) -> Given:
        return NOTHING if self.companions is None else self.companions.of(path)

    def made(self, image: Image.Image, given: Given = NOTHING, name: str = PICTURE) -> Image.Image:
        if given.move is not None and is_transparent(image):
            raise UserError(f"{name} has transparent parts, which would not move: save it without")
        return super().made(image, given, name)

    def answer(self, picture: Floats, name: str, given: Given = NOTHING) -> Floats:
        if isinstance(self.network, Bidirectional):
            return retargeted(self.network, picture, given, self.cfg.grow, name, self.device)
        height, width = (side * self.transform.task.scale for side in picture.shape[:2])
        if width * height > LARGEST:
            raise UserError(f"{name} would become {width}x{height} pixels: cut it, or make it smaller first")
        return super().answer(picture, name, given)


def is_transparent(image: Image.Image) -> bool:
    """Whether something shines through a picture."""
    return image.mode in ("LA", "RGBA") and image.getchannel("A").getextrema() != (255, 255)
