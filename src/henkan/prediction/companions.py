"""Files that belong to pictures: found by their names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from henkan.data.decode import is_picture

MASK = "_mask"


def masks_of(
    pictures: Sequence[Path], given: Path | None, place: Callable[[Path], Path] = lambda path: Path()
) -> dict[Path, Path]:
    """Return where the mask of each picture lies: the given file, or that of its stem in the given folder or beside it.

    One file is the mask of them all. In a folder it lies where `place` says that the picture lies, or at the top, and
    is a picture of any kind, PNG before others. Where none lies, the name that one would have.
    """
    if given is not None and not given.is_dir():
        return dict.fromkeys(pictures, given)
    listed: dict[Path, dict[str, Path]] = {}

    def lying(folder: Path, stem: str) -> Path | None:
        if folder not in listed:
            files = list(folder.iterdir()) if folder.is_dir() else []
            shown = [path for path in files if is_picture(path.suffix) and not path.name.startswith(".")]
            listed[folder] = {path.stem: path for path in sorted(shown, key=lambda path: path.suffix.lower() == ".png")}
        return listed[folder].get(stem)

    found = {}
    for path in pictures:
        places = [path.parent] if given is None else [given / place(path), given]
        marks = [MASK] if given is None else [MASK, ""]
        masks = (lying(folder, f"{path.stem}{mark}") for folder in places for mark in marks)
        found[path] = next((mask for mask in masks if mask is not None), places[0] / f"{path.stem}{marks[-1]}.png")
    return found
