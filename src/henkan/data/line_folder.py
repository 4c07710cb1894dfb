"""A folder of line drawings in pixels: scans, exports, ink."""

from __future__ import annotations

from pathlib import Path

from henkan.data.contents import By
from henkan.data.drawings import Drawings
from henkan.data.image_folder import ImageFolder


class LineFolder(Drawings, ImageFolder):
    """The drawings in a folder and all folders below it; see `Drawings`.

    As targets, `threshold=0.9` makes them black and white, as Simo-Serra et al. 2016 do; null suits rough sketches.
    """

    def __init__(
        self,
        path: str | Path,
        threshold: float | None = None,
        invert: bool = False,
        cache: str | Path | None = None,
        group: str | None = None,
        skip_broken: bool = False,
        manifest: By = "contents",
        cache_side: int | None = None,
    ) -> None:
        super().__init__(path, cache, group=group, skip_broken=skip_broken, manifest=manifest, cache_side=cache_side)
        self.threshold, self.invert = threshold, invert

    def file(self, name: str) -> Path:
        return self.path / name
