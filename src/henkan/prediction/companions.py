"""Files that belong to pictures: found by their names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

MASK = "_mask"


def masks_of(pictures: Sequence[Path], given: Path | None) -> dict[Path, Path]:
    """Return where the mask of each picture lies: the given file, or that of its stem in the given folder or beside it.

    One file is the mask of them all.
    """
    if given is None:
        return {path: path.parent / f"{path.stem}{MASK}.png" for path in pictures}
    if not given.is_dir():
        return dict.fromkeys(pictures, given)
    marked = {path: given / f"{path.stem}{MASK}.png" for path in pictures}
    return {path: mask if mask.is_file() else given / f"{path.stem}.png" for path, mask in marked.items()}
