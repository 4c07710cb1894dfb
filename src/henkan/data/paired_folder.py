"""A folder of pairs: what is given, and what it should become."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from henkan.data.contents import hash_contents
from henkan.data.decode import decode
from henkan.data.image_folder import list_pictures
from henkan.data.pictures import Layer, Picture, Pictures
from henkan.errors import UserError


class PairedFolder(Pictures):
    """Pairs of pictures at the same relative path (whatever the extension) below two folders of `path`.

    The picture is the target; its companion `source` is what the network is shown. Raises `UserError` naming
    pictures without a partner, and, when a pair is read, one whose sizes differ.
    """

    def __init__(
        self,
        path: str | Path,
        cache: str | Path | None = None,
        source: str = "source",
        target: str = "target",
    ) -> None:
        self.path, self.cache = Path(path).expanduser(), cache
        self.target, self.source = self.path / target, self.path / source
        targets, sources = _by_stem(self.target), _by_stem(self.source)
        for folder, have, lack in ((source, targets, sources), (target, sources, targets)):
            if missing := [have[stem] for stem in have if stem not in lack]:
                named = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
                raise UserError(f"{self.path / folder} lacks the partners of {len(missing)} pictures: {named}")
        self._sources = {name: sources[stem] for stem, name in targets.items()}
        super().__init__(targets.values(), str(self.path))

    def picture(self, name: str) -> Picture:
        return decode(self.target / name)

    def companions(self, name: str) -> dict[str, Layer]:
        return {"source": decode(self.source / self._sources[name])}

    def manifest(self) -> str:
        files = [f"{self.target.name}/{name}" for name in self._sources]
        files += [f"{self.source.name}/{name}" for name in self._sources.values()]
        return hash_contents(self.path, files, self.cache)


def _by_stem(folder: Path) -> dict[str, str]:
    names: Iterable[str] = list_pictures(folder)
    stems: dict[str, str] = {}
    for name in names:
        stem = str(Path(name).with_suffix(""))
        if stem in stems:
            raise UserError(f"{folder} has two pictures for one partner, {stems[stem]} and {name}: remove one")
        stems[stem] = name
    return stems
