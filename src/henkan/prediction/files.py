"""Which files a person means by a path, and which ones their results become."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from henkan.data.decode import EXTENSIONS
from henkan.data.image_folder import files_below
from henkan.errors import UserError
from henkan.prediction.companions import MASK


def find(given: str, apart: Iterable[Path] = ()) -> tuple[list[Path], Path | None]:
    """Return the pictures that a file, a folder or a pattern means, and the folder that they all lie below.

    A folder is searched to any depth, by the rules of training; masks beside pictures are left out, and so is what lies
    in it and is set `apart`: folders for results and for masks, a scribble. A pattern means no folders.
    """
    named, root = Path(given).expanduser(), None
    if named.is_dir():
        root = named
        others = [path.resolve() for path in apart if path.resolve() != root.resolve()]
        found = [root / name for name in files_below(root, EXTENSIONS)]
        if any(path.is_relative_to(root.resolve()) for path in others):
            found = [path for path in found if not any(map(path.resolve().is_relative_to, others))]
    elif named.is_file():
        found = [named]
    else:
        matched = map(Path, glob.glob(str(named), recursive=True))
        found, root = sorted(path for path in matched if not path.is_dir()), unchanging(named)
    stems = {(path.parent, path.stem) for path in found}
    pictures = [
        path
        for path in found
        if not path.stem.endswith(MASK) or (path.parent, path.stem.removesuffix(MASK)) not in stems
    ]
    if not pictures:
        raise UserError(f"there are no pictures in {given}: give input=FILE, a folder or a pattern")
    return pictures, root


def unchanging(pattern: Path) -> Path:
    """Return the folders that a pattern begins with, before the first that stands for several."""
    folder = Path()
    for part in pattern.parts[:-1]:
        if glob.has_magic(part):
            break
        folder /= part
    return folder


def destinations(
    pictures: Sequence[Path],
    others: Iterable[Path],
    output: Path,
    endings: Iterable[str],
    stem: str | None = None,
    place: Callable[[Path], Path] = lambda path: Path(),
) -> set[str]:
    """Return the relative paths of what will be written into `output`, where `place` says, of one picture after `stem`
    if it is given.

    Raises `UserError` where a result would be written over an input, or over another result.
    """
    inputs = {place_of(path) for path in (*pictures, *others)} - {None} if output.is_dir() else set()
    found: set[str] = set()
    for ending in endings:
        for path in pictures:
            name = str(place(path) / f"{stem or path.stem}{ending}")
            if inputs and place_of(output / name) in inputs:
                raise UserError(f"{output / name} is an input: give another folder with output=DIR")
            if name in found:
                raise UserError(f"{path} and another picture would both become {output / name}: rename one of them")
            found.add(name)
    return found


def place_of(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from others, by whatever path and link it is reached; None where there is none."""
    try:
        state = os.stat(path)
    except OSError:
        return None
    return state.st_dev, state.st_ino
