"""Take the haze out of a person's own pictures."""

from __future__ import annotations

from henkan.data.drawings import Floats
from henkan.errors import UserError
from henkan.networks.modes import learns
from henkan.prediction.given import NOTHING, Given
from henkan.prediction.whole_pictures import WholePictures


class ClearHaze(WholePictures):
    """Gives the network the whole picture; in tiles where that does not fit into `megapixels` and the network says how
    far it sees (`context`).

    Any other knows the haze by the picture as a whole, and tiles of it would differ: then a `UserError` says what to
    give. A picture keeps its mode, its alpha and its color profile: a grey one stays grey.
    """

    def answer(self, picture: Floats, name: str, given: Given = NOTHING) -> Floats:
        pixels = picture.shape[0] * picture.shape[1]
        if self.context is None and pixels > self.budget:
            needed = pixels / 1e6
            way = f"give megapixels={needed + 0.01:.2f}"
            if learns(self.network):
                way += ", or a network of finite context (aod_net)"
            raise UserError(f"{name} has {needed:.2f} megapixels, and is needed as a whole: {way}")
        return super().answer(picture, name, given)
