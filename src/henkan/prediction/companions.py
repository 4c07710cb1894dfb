"""Files that belong to pictures: found by their names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

MASK = "_mask"


def masks_of(
    pictures: Sequence[Path], given: Path | None, place: Callable[[Path], Path] = lambda path: Path()
) -> dict[Path, Path]:
    """Return where the mask of each picture lies: the given file, or that of its stem in the given folder or beside it.

    One file is the mask of them all. In a folder it lies where `place` says that the picture lies, or at the top.
    """
    if given is None:
        return {path: path.parent / f"{path.stem}{MASK}.png" for path in pictures}
    if not given.is_dir():
        return dict.fromkeys(pictures, given)
    found = {}
    for path in pictures:
        places = [given / place(path), given]
        named = [folder / f"{path.stem}{mark}.png" for folder in places for mark in (MASK, "")]
        found[path] = next((mask for mask in named if mask.is_file()), named[1])
    return found
