"""Enlarge a picture: what a network of super-resolution makes of a person's own."""

from __future__ import annotations

import numpy as np
import torch

from henkan.baselines.bidirectional import Bidirectional
from henkan.data.drawings import Floats
from henkan.errors import UserError
from henkan.prediction.whole_pictures import WholePictures

# No picture larger than this is made: Pillow would not read it again.
LARGEST = 1 << 27


class EnlargePictures(WholePictures):
    """Gives the whole picture to the network, in tiles that fit the budget; grey stays grey, alpha is enlarged too.

    What makes pictures of a size that was given is shown the whole picture.
    """

    def answer(self, picture: Floats, name: str) -> Floats:
        if isinstance(self.network, Bidirectional):
            with torch.inference_mode():
                made = self.output(torch.from_numpy(picture.transpose(2, 0, 1).copy())[None].to(self.device))
            return np.asarray(made[0].permute(1, 2, 0).cpu().numpy(), np.float32)
        height, width = (side * self.transform.task.scale for side in picture.shape[:2])
        if width * height > LARGEST:
            raise UserError(f"{name} would become {width}x{height} pixels: cut it, or make it smaller first")
        return super().answer(picture, name)
