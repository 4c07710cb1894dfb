"""A folder of pairs: what is given, and what it should become."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from henkan.data.contents import By, hash_contents
from henkan.data.decode import decode
from henkan.data.image_folder import list_pictures
from henkan.data.pictures import Layer, Picture, Pictures, every
from henkan.data.shelf import kept_at
from henkan.errors import UserError


class PairedFolder(Pictures):
    """Pairs of pictures at the same relative path (whatever the extension) below two folders of `path`.

    The picture is the target; its companion `source` is what the network is shown. A suffix is what names of a folder
    have beside those of the other, in front of the extension; pictures without it are left out. `group`, `skip_broken`
    and `cache_side`: see `Pictures`; `manifest`: see `hash_contents`. Raises `UserError` naming pictures without a
    partner, and, when a pair is read, one whose sizes differ.
    """

    def __init__(
        self,
        path: str | Path,
        cache: str | Path | None = None,
        source: str = "source",
        target: str = "target",
        source_suffix: str = "",
        target_suffix: str = "",
        group: str | None = None,
        skip_broken: bool = False,
        manifest: By = "contents",
        cache_side: int | None = None,
    ) -> None:
        self.path, self.cache, self.skip_broken, self.by = Path(path).expanduser(), cache, skip_broken, manifest
        self.cache_side, self._kept = cache_side, kept_at(cache_side, cache, self.path, self.channels)
        self.target, self.source = self.path / target, self.path / source
        targets, sources = _by_stem(self.target, target_suffix), _by_stem(self.source, source_suffix)
        for folder, have, lack in ((source, targets, sources), (target, sources, targets)):
            if missing := [have[stem] for stem in have if stem not in lack]:
                named = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
                raise UserError(f"{self.path / folder} lacks the partners of {len(missing)} pictures: {named}")
        self._sources = {name: sources[stem] for stem, name in targets.items()}
        super().__init__(targets.values(), str(self.path), group)

    def prepare(self) -> None:
        super().prepare()
        if self.cache_side is not None:
            self._kept.prepare((path for name in every(self) for path in self.files(name)), self.decoded)

    def decoded(self, path: Path) -> Picture:
        """Return what is kept of a picture's file."""
        return decode(path)

    def picture(self, name: str) -> Picture:
        return self._kept(self.target / name, self.decoded)

    def companions(self, name: str) -> dict[str, Layer]:
        return {"source": self._kept(self.partner(name), self.decoded)}

    def files(self, name: str) -> tuple[Path, ...]:
        return self.target / name, self.partner(name)

    def partner(self, name: str) -> Path:
        """Return the file of a picture's source."""
        return self.source / self._sources[name]

    def manifest(self) -> str:
        files = [(self.target / name).relative_to(self.path).as_posix() for name in self._sources]
        files += [self.partner(name).relative_to(self.path).as_posix() for name in self._sources]
        return self.as_split(hash_contents(self.path, files, self.cache, self.by))


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
