"""Any folder of pictures."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, Unpack

from henkan.data.decode import EXTENSIONS, decode
from henkan.data.folder import Folder, Given
from henkan.data.pictures import Picture
from henkan.data.splits import meant, place_of_split
from henkan.errors import UserError


def list_pictures(folder: Path) -> list[str]:
    """Return the relative paths of all pictures below `folder`; see `list_files`."""
    return list_files(folder, EXTENSIONS)


def list_files(folder: Path, extensions: Collection[str]) -> list[str]:
    """Return the relative paths of all files of some kinds below `folder`, hidden files and folders aside.

    Links to folders are followed, each folder once. Raises `UserError` if there is no such folder or no such file, and
    for a name that is no UTF-8, which neither a hash nor a table could hold.
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
        relative = Path(here).relative_to(folder).as_posix()
        inside = "" if relative == "." else f"{relative}/"
        names += [
            inside + name
            for name in files
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in extensions
        ]
    if not names:
        raise UserError(f"{folder} holds no picture ({', '.join(sorted(extensions))}): give another data.path")
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise UserError(
                f"{folder} holds a file whose name is no UTF-8, {os.fsencode(name)!r}: rename it"
            ) from error
    return sorted(names)


def class_of(name: str) -> str:
    """Return the uppermost folder of a relative path that is no split's, below a split's folder before those above it.

    Empty where there is none.
    """
    *folders, _ = name.split("/")
    place = place_of_split("/".join(folders))
    ordered = folders if place is None else [*folders[place + 1 :], *folders[:place]]
    return next((folder for folder in ordered if meant(folder) is None), "")


class ImageFolder(Folder):
    """The pictures in a folder and all folders below it; what else they may be `given`, see `Given`.

    With `labels` a picture's class is the uppermost folder that it lies in, a split's own (train, val, test) aside:
    every sample gets its number among the training pictures' classes as `label`, -1 where it has none of them. Raises
    `UserError` where there are fewer than two.
    """

    def __init__(
        self, path: str | Path, cache: str | Path | None = None, labels: bool = False, **given: Unpack[Given]
    ) -> None:
        folder = Path(path).expanduser()
        super().__init__(folder, list_pictures(folder), cache, **given)
        self._numbers = self._numbered() if labels else {}

    def _numbered(self) -> dict[str, int]:
        """Return the number of each class of the training pictures."""
        classes = sorted({found for name in self._names["train"] if (found := class_of(name))})
        if len(classes) < 2:
            found = f"only {classes[0]}" if classes else "none"
            raise UserError(
                f"{self.path}: data.labels needs a folder for each class, two at least that training pictures come "
                f"from, and there is {found}: add one, or set data.labels=false"
            )
        return {name: number for number, name in enumerate(classes)}

    def leave_out(self, names: Iterable[str]) -> None:
        super().leave_out(names)
        if self._numbers:
            self._numbers = self._numbered()

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self._numbers)

    def facts_of(self, name: str) -> dict[str, Any]:
        return {"label": self._numbers.get(class_of(name), -1)} if self._numbers else {}

    def picture(self, name: str) -> Picture:
        return self._kept(self.path / name, decode)

    def files(self, name: str) -> tuple[Path, ...]:
        return (self.path / name,)
