"""A folder of pairs of drawings: the rough sketch, and the clean one that it was made from."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from henkan.data.drawings import Drawings
from henkan.data.folder import Given
from henkan.data.paired_folder import PairedFolder
from henkan.data.pictures import Picture


class PairedLines(Drawings, PairedFolder):
    """Grey pairs; see `Drawings`. The threshold is for targets alone."""

    def __init__(
        self,
        path: str | Path,
        threshold: float | None = 0.9,
        invert: bool = False,
        cache: str | Path | None = None,
        source: str = "source",
        target: str = "target",
        **given: Unpack[Given],
    ) -> None:
        super().__init__(path, cache, source, target, **given)
        self.threshold, self.invert = threshold, invert

    def file(self, name: str) -> Path:
        return self.target / name

    def companions(self, name: str) -> dict[str, Picture]:
        return {key: self.turned(layer) for key, layer in super().companions(name).items()}
