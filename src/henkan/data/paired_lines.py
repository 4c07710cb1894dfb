"""A folder of pairs of drawings: the rough sketch, and the clean one that it was made from."""

from __future__ import annotations

from pathlib import Path

from henkan.data.contents import By
from henkan.data.drawings import Drawings
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
        group: str | None = None,
        skip_broken: bool = False,
        manifest: By = "contents",
        cache_side: int | None = None,
    ) -> None:
        super().__init__(
            path, cache, source, target, group=group, skip_broken=skip_broken, manifest=manifest, cache_side=cache_side
        )
        self.threshold, self.invert = threshold, invert

    def file(self, name: str) -> Path:
        return self.target / name

    def companions(self, name: str) -> dict[str, Picture]:
        return {key: self.turned(layer) for key, layer in super().companions(name).items()}
