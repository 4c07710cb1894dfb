"""What all sources of pictures in the files of a folder have in common: what they are given, what they hash to."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import ClassVar, TypedDict

from henkan.data.contents import By, hash_contents
from henkan.data.decode import decode
from henkan.data.pictures import Picture, Pictures, every
from henkan.data.shelf import kept_at
from henkan.data.splits import SPLITS, Split
from henkan.errors import UserError


class Given(TypedDict, total=False):
    """What such a source may be given: `group`, `skip_broken`, `cache_side`, see `Pictures`; `manifest`, see
    `hash_contents`.
    """

    group: str | None
    skip_broken: bool
    manifest: By
    cache_side: int | None


class Folder(Pictures):
    """Pictures in files below the folder `path`; `cache` remembers what their contents hashed to.

    Raises `UserError` for a `cache_side` where what is read is not `shrinkable`: maps of classes or depths, or pairs
    whose sizes have to keep a ratio.
    """

    shrinkable: ClassVar[bool] = True

    def __init__(
        self,
        path: Path,
        names: Iterable[str],
        cache: str | Path | None,
        group: str | None = None,
        skip_broken: bool = False,
        manifest: By = "contents",
        cache_side: int | None = None,
    ) -> None:
        if cache_side is not None and not self.shrinkable:
            raise UserError(f"data.cache_side={cache_side}: what lies in {path} cannot be kept shrunk; leave it out")
        self.path, self.cache, self.skip_broken, self.by = path, cache, skip_broken, manifest
        self.cache_side, self._kept = cache_side, kept_at(cache_side, cache, path, self.channels)
        super().__init__(names, str(path), group)

    def prepare(self) -> None:
        super().prepare()
        if self.cache_side is not None:
            self._kept.prepare((path for name in every(self) for path in self.files(name)), self.decoded)

    def decoded(self, path: Path) -> Picture:
        """Return what is kept of a picture's file."""
        return decode(path)

    def members(self, names: Iterable[str]) -> Iterable[str]:
        """Return the relative paths of the files that pictures are read from."""
        return names

    def manifest(self) -> str:
        return self.manifest_of(SPLITS)

    def manifest_of(self, splits: Collection[Split]) -> str:
        names = [name for split in splits for name in self._names[split]]
        return self.as_split(hash_contents(self.path, self.members(names), self.cache, self.by), splits)
