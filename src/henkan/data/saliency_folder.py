"""A folder of pictures with labels to learn from that a network made: the object, and what is around it."""

from __future__ import annotations

from collections.abc import Collection
from hashlib import blake2b
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from henkan.data.cache import cache_folder, drop, locked
from henkan.data.image_folder import ImageFolder
from henkan.data.pictures import Layer, every
from henkan.data.splits import Split
from henkan.files import Damaged, check_archive, replaced
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
        if all(map(self._whole, names)):
            return
        with locked(self.masks):
            missing = [name for name in names if not self._whole(name)]
            network = Saliency(self.weights)
            for name in track(missing, "salient objects", console=Console(stderr=True)):
                found = (network(self.picture(name)) > OBJECT).astype(np.uint8)
                # Unlike a PNG, whose checksum nobody looks at, it cannot be read as another.
                with replaced(self._mask(name)) as partial, partial.open("wb") as file:
                    np.savez_compressed(file, labels=found[..., None])

    def companions(self, name: str) -> dict[str, Layer]:
        path = self._mask(name)
        check_archive(path, "cache", "the same command makes it anew")
        with np.load(path) as file:
            return {"labels": file["labels"]}

    def manifest_of(self, splits: Collection[Split]) -> str:
        return blake2b((super().manifest_of(splits) + self.digest).encode(), digest_size=16).hexdigest()

    def _whole(self, name: str) -> bool:
        """Whether the cache has a picture's mask, undamaged; what is damaged is dropped."""
        path = self._mask(name)
        if path.exists():
            try:
                check_archive(path, "cache", "it is made anew")
            except Damaged:
                drop(path)
        return path.exists()

    def _mask(self, name: str) -> Path:
        """Return where a picture's mask is kept."""
        if name not in self._paths:
            self._paths[name] = self.masks / f"{self.fingerprint(name)}.npz"
        return self._paths[name]
