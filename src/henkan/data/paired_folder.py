"""A folder of pairs: what is given, and what it should become."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Unpack

from henkan.data.folder import Folder, Given
from henkan.data.image_folder import list_pictures
from henkan.data.notices import some
from henkan.data.pictures import Layer, Picture
from henkan.errors import UserError


class PairedFolder(Folder):
    """Pairs of pictures at the same relative path (whatever the extension) below two folders of `path`.

    The picture is the target; its companion `source` is what the network is shown. A suffix is what names of a folder
    have beside those of the other, in front of the extension; pictures without it are left out. What else they may be
    `given`, see `Given`. Raises `UserError` naming pictures without a partner, and, when a pair is read, one whose
    sizes differ.
    """

    def __init__(
        self,
        path: str | Path,
        cache: str | Path | None = None,
        source: str = "source",
        target: str = "target",
        source_suffix: str = "",
        target_suffix: str = "",
        **given: Unpack[Given],
    ) -> None:
        folder = Path(path).expanduser()
        self.target, self.source = folder / target, folder / source
        targets, sources = _by_stem(self.target, target_suffix), _by_stem(self.source, source_suffix)
        for side, have, lack in ((source, targets, sources), (target, sources, targets)):
            if missing := [have[stem] for stem in have if stem not in lack]:
                raise UserError(f"{folder / side} lacks the partners of {len(missing)} pictures: {some(missing)}")
        self._sources = {name: sources[stem] for stem, name in targets.items()}
        super().__init__(folder, targets.values(), cache, **given)

    def picture(self, name: str) -> Picture:
        return self._kept(self.target / name, self.decoded)

    def companions(self, name: str) -> dict[str, Layer]:
        return {"source": self._kept(self.partner(name), self.decoded)}

    def files(self, name: str) -> tuple[Path, ...]:
        return self.target / name, self.partner(name)

    def partner(self, name: str) -> Path:
        """Return the file of a picture's source."""
        return self.source / self._sources[name]

    def members(self, names: Iterable[str]) -> Iterable[str]:
        target, source = (Path(os.path.relpath(side, self.path)).as_posix() for side in (self.target, self.source))
        return [
            name
            for own in names
            for name in (posixpath.normpath(f"{target}/{own}"), posixpath.normpath(f"{source}/{self._sources[own]}"))
        ]


def _by_stem(folder: Path, suffix: str) -> dict[str, str]:
    """Return the pictures of a folder by their names without extension and suffix."""
    stems: dict[str, str] = {}
    for name in list_pictures(folder):
        stem = str(PurePosixPath(name).with_suffix(""))
        if not stem.endswith(suffix):
            continue
        stem = stem.removesuffix(suffix)
        if stem in stems:
            raise UserError(f"{folder} has two pictures for one partner, {stems[stem]} and {name}: remove one")
        stems[stem] = name
    if not stems:
        raise UserError(f"{folder} holds no picture whose name ends in {suffix} in front of its extension")
    return stems
