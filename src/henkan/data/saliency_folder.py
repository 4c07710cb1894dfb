"""A folder of pictures with labels to learn from that a network made: the object, and what is around it."""

from __future__ import annotations

from collections.abc import Collection
from hashlib import blake2b
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import track

from henkan.data.cache import cache_folder, locked
from henkan.data.image_folder import ImageFolder
from henkan.data.label_maps import read_labels
from henkan.data.pictures import Layer, every
from henkan.data.splits import Split
from henkan.files import replaced
from henkan.pretrained.saliency import OBJECT, Saliency


class SaliencyFolder(ImageFolder):
    """The pictures of a folder, with what U²-Net takes for the object as the companion `labels`: nobody drew them.

    A network that learns from these masks learns what U²-Net finds, its mistakes included: scores say how well it does
    that, not how well it segments. They are made once, half a second a picture, and kept in `cache` by the contents of
    picture and weights. `weights` is the network's file (`henkan.pretrained.saliency`). Raises `MissingWeights` if it
    is absent.
    """

    def __init__(
        self,
        path: str | Path,
        weights: str = "u2netp.onnx",
        cache: str | Path | None = None,
        group: str | None = None,
    ) -> None:
        super().__init__(path, cache, group=group)
        # Workers read what the main process has made: the network itself cannot be sent to them.
        self.weights, self.digest = weights, Saliency(weights).digest
        self.masks = cache_folder(cache) / "saliency" / self.digest[:16]
        self._paths: dict[str, Path] = {}

    @property
    def classes(self) -> tuple[str, ...]:
        return ("background", "object")

    def prepare(self) -> None:
        names = every(self)
        if all(self._mask(name).is_file() for name in names):
            return
        with locked(self.masks):
            missing = [name for name in names if not self._mask(name).is_file()]
            network = Saliency(self.weights)
            for name in track(missing, "salient objects", console=Console(stderr=True)):
                found = (network(self.picture(name)) > OBJECT).astype(np.uint8)
                with replaced(self._mask(name)) as partial:
                    Image.fromarray(found, "L").save(partial, "PNG")

    def companions(self, name: str) -> dict[str, Layer]:
        return {"labels": read_labels(self._mask(name))}

    def manifest_of(self, splits: Collection[Split]) -> str:
        return blake2b((super().manifest_of(splits) + self.digest).encode(), digest_size=16).hexdigest()

    def _mask(self, name: str) -> Path:
        """Return where a picture's mask is kept."""
        if name not in self._paths:
            self._paths[name] = self.masks / f"{self.fingerprint(name)}.png"
        return self._paths[name]
