"""A folder of pictures, each with a map of what its pixels show."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal, Unpack

import numpy as np
from rich.console import Console
from rich.progress import track

from henkan.data.cache import cache_folder, recalled, remember
from henkan.data.contents import FILES_WORTH_A_BAR, hash_contents
from henkan.data.folder import Given
from henkan.data.label_maps import MOST, checked, read_labels
from henkan.data.paired_folder import PairedFolder
from henkan.data.pictures import Layer, Picture
from henkan.errors import UserError
from henkan.sample import UNKNOWN


class LabelledFolder(PairedFolder):
    """Pictures and maps of classes at the same relative path (whatever the extension) below two folders of `path`.

    A map has a palette, whose indexes are the classes, or is grey of 8 bits, whose values are; 255 is unknown. It is
    the companion `labels` (H, W, 1). `classes` names them, from 0 on; null: they are found, as many as the largest
    value of all maps says, which takes one look at each file and is remembered in `cache`. A value that is no class
    raises `UserError` naming file and value when it is read, or is taken for unknown with `others` unknown. So do
    pictures without a partner, at once, and a map of another size than its picture.
    """

    shrinkable = False

    def __init__(
        self,
        path: str | Path,
        cache: str | Path | None = None,
        pictures: str = "pictures",
        labels: str = "labels",
        classes: Sequence[str] | None = None,
        others: Literal["refused", "unknown"] = "refused",
        **given: Unpack[Given],
    ) -> None:
        if others not in ("refused", "unknown"):
            raise UserError(f"data.others={others} must be refused or unknown")
        if classes is not None and not 2 <= len(classes) <= MOST:
            raise UserError(f"data.classes names {len(classes)} classes: name 2 to {MOST}, or null to find them")
        super().__init__(path, cache, labels, pictures, **given)
        self.others, self._given = others, None if classes is None else tuple(classes)

    def companions(self, name: str) -> dict[str, Layer]:
        path = self.partner(name)
        return {"labels": checked(read_labels(path), self.classes, path, self.others == "unknown")}

    @property
    def classes(self) -> tuple[str, ...]:
        return self._given or self._found

    @cached_property
    def _found(self) -> tuple[str, ...]:
        """The classes that all maps have, by number."""
        files = sorted(self._sources.values())
        memory = cache_folder(self.cache) / "classes" / f"{hash_contents(self.source, files, self.cache)}.json"
        highest: int | None = recalled(memory)
        if highest is None:
            bar = track(files, "classes", console=Console(stderr=True), disable=len(files) < FILES_WORTH_A_BAR)
            highest = max(highest_class(read_labels(self.source / file)) for file in bar)
            remember(memory, highest)
        if highest < 1:
            raise UserError(f"{self.source}: its maps show one class, and to tell apart there must be two: name others")
        return tuple(map(str, range(highest + 1)))


def highest_class(labels: Picture) -> int:
    """Return the largest value of a map, `UNKNOWN` aside; 0 where there is none."""
    return int(np.max(labels, initial=0, where=labels != UNKNOWN))
