"""Any folder of pictures."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from henkan.data.contents import hash_contents
from henkan.data.decode import EXTENSIONS, decode
from henkan.data.pictures import Picture, Pictures
from henkan.errors import UserError


def list_pictures(folder: Path) -> list[str]:
    """Return the relative paths of all pictures below `folder`; see `list_files`."""
    return list_files(folder, EXTENSIONS)


def list_files(folder: Path, extensions: Collection[str]) -> list[str]:
    """Return the relative paths of all files of some kinds below `folder`, hidden files and folders aside.

    Links to folders are followed, each folder once. Raises `UserError` if there is no such folder or no such file.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder: give the path of a folder of pictures (data.path=...)")
    names, seen = [], set()
    for here, folders, files in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(here)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        relative = Path(here).relative_to(folder)
        names += [
            (relative / name).as_posix()
            for name in files
            if not name.startswith(".") and Path(name).suffix.lower() in extensions
        ]
    if not names:
        raise UserError(f"{folder} holds no picture ({', '.join(sorted(extensions))}): give another data.path")
    return sorted(names)


class ImageFolder(Pictures):
    """The pictures in a folder and all folders below it; `cache` remembers what their contents hashed to."""

    def __init__(self, path: str | Path, cache: str | Path | None = None) -> None:
        self.path, self.cache = Path(path).expanduser(), cache
        super().__init__(list_pictures(self.path), str(self.path))

    def picture(self, name: str) -> Picture:
        return decode(self.path / name)

    def manifest(self) -> str:
        return hash_contents(self.path, [name for names in self._names.values() for name in names], self.cache)
