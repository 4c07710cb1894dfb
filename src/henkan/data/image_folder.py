"""Any folder of pictures."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any, Unpack

from henkan.data.decode import EXTENSIONS
from henkan.data.folder import Folder, Given
from henkan.data.notices import leave_out
from henkan.data.pictures import Picture, Pictures
from henkan.data.splits import meant, place_of_split
from henkan.errors import UserError


def list_pictures(folder: Path) -> list[str]:
    """Return the relative paths of all pictures below `folder`; see `list_files`."""
    return list_files(folder, EXTENSIONS)


def list_files(folder: Path, extensions: Collection[str]) -> list[str]:
    """Return the relative paths of all files of some kinds below `folder`, hidden files and folders aside.

    Raises `UserError` if there is no such folder or no such file.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder: give the path of a folder of pictures (data.path=...)")
    if names := files_below(folder, extensions):
        return names
    raise UserError(f"{folder} holds no picture ({', '.join(sorted(extensions))}): give another data.path")


def files_below(folder: Path, extensions: Collection[str]) -> list[str]:
    """Return what `list_files` returns, or nothing.

    Links to folders are followed, each folder once. Left out with a word are links to nothing, pipes and devices,
    folders that cannot be read, and names that are no UTF-8, which neither a hash nor a table could hold.
    """
    names, seen, waiting, left = [], set(), [""], {}
    while waiting:
        inside = waiting.pop()
        if (real := os.path.realpath(f"{folder}/{inside}")) in seen:
            continue
        seen.add(real)
        try:
            entries = sorted(os.scandir(f"{folder}/{inside}"), key=lambda entry: entry.name, reverse=True)
        except OSError as error:
            left[inside] = f"it cannot be read: {error.strerror}"
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if leads_to(entry, folder=True):
                waiting.append(f"{inside}{entry.name}/")
            elif os.path.splitext(entry.name)[1].lower() in extensions:
                if (reason := why_not(entry, inside)) is None:
                    names.append(inside + entry.name)
                else:
                    left[inside + entry.name] = reason
    leave_out(folder, dict(sorted(left.items())))
    return sorted(names)


def why_not(entry: os.DirEntry[str], inside: str = "") -> str | None:
    """Return why an entry of a folder cannot be a picture that is read; None where it may be one."""
    if not leads_to(entry, folder=False):
        return "a link to nothing" if entry.is_symlink() and not os.path.exists(entry.path) else "a pipe or a device"
    try:
        f"{inside}{entry.name}".encode()
    except UnicodeEncodeError:
        return "its name is no UTF-8"
    return None


def leads_to(entry: os.DirEntry[str], folder: bool) -> bool:
    """Whether an entry is a folder, or a file; a link that leads around in a circle is neither."""
    try:
        return entry.is_dir() if folder else entry.is_file()
    except OSError:
        return False


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
        return self._kept(self.path / name, self.decoded)

    @property
    def reducible(self) -> bool:
        # What changes them or brings something along reads them whole.
        return type(self).picture is ImageFolder.picture and type(self).companions is Pictures.companions

    def reduced(self, name: str, choose: Callable[[int, int], int]) -> tuple[Picture, int]:
        return self._kept.reduced(self.path / name, choose)

    def files(self, name: str) -> tuple[Path, ...]:
        return (self.path / name,)
