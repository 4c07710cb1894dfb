"""Folders of small pictures and of the large ones that they should become: DIV2K's, RealSR's."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from henkan.data.decode import picture_size
from henkan.data.folder import Given
from henkan.data.paired_folder import PairedFolder
from henkan.data.pictures import every
from henkan.errors import UserError


class ResolutionPairs(PairedFolder):
    """Pairs as in `PairedFolder`, whose targets are `scale` times larger than their sources, exactly.

    Null measures `scale` on the first pair. Crops are aligned: a target's begins at `scale` times the place of its
    source's. Raises `UserError` naming the first pair if its sizes have no such ratio, and any other when it is read.
    """

    shrinkable = False

    def __init__(
        self,
        path: str | Path,
        cache: str | Path | None = None,
        source: str = "source",
        target: str = "target",
        source_suffix: str = "",
        target_suffix: str = "",
        scale: int | None = None,
        **given: Unpack[Given],
    ) -> None:
        super().__init__(path, cache, source, target, source_suffix, target_suffix, **given)
        name = min(every(self))
        (height, width), (h, w) = picture_size(self.target / name), picture_size(self.partner(name))
        found = height // h if scale is None else scale
        if found < 1 or (height, width) != (found * h, found * w):
            ratio = "a whole number of" if scale is None else str(scale)
            raise UserError(
                f"{self.target / name} is {width}x{height} pixels and its source {w}x{h}: pairs need {ratio} times, "
                "the same for both sides; cut it, or give other data.source, data.target or data.scale"
            )
        self.scale = found
