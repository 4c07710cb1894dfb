"""Files that belong to pictures: found by their names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from henkan.data.decode import is_picture

MASK = "_mask"

Place = Callable[[Path], Path]
"""In which folder below another one a picture lies."""


def masks_of(pictures: Sequence[Path], given: Path | None, place: Place = lambda path: Path()) -> dict[Path, Path]:
    """Return where the mask of each picture lies: as `companions_of` has it, or as STEM_mask beside the picture.

    Where none lies, the name that one would have.
    """
    if given is None:
        found = lying(pictures, lambda path: [path.parent], [MASK])
        return {path: found.get(path, path.with_name(f"{path.stem}{MASK}.png")) for path in pictures}
    found = companions_of(pictures, given, place, [MASK, ""])
    return {path: found.get(path, given / place(path) / f"{path.stem}.png") for path in pictures}


def companions_of(
    pictures: Sequence[Path], given: Path, place: Place, marks: Sequence[str] = ("",)
) -> dict[Path, Path]:
    """Return what a path gives to each picture: itself, or if it is a folder the file of the picture's stem there.

    In the folder it lies where `place` says that the picture lies, or at the top. What has none is left out.
    """
    if not given.is_dir():
        return dict.fromkeys(pictures, given)
    return lying(pictures, lambda path: [given / place(path), given], marks)


def lying(
    pictures: Sequence[Path], folders: Callable[[Path], Iterable[Path]], marks: Sequence[str]
) -> dict[Path, Path]:
    """Return the picture of each picture's stem and a mark, in the first of its folders that has one.

    It is of any kind, PNG before others.
    """
    listed: dict[Path, dict[str, Path]] = {}

    def stems(folder: Path) -> dict[str, Path]:
        if folder not in listed:
            files = list(folder.iterdir()) if folder.is_dir() else []
            shown = [path for path in files if is_picture(path.suffix) and not path.name.startswith(".")]
            listed[folder] = {path.stem: path for path in sorted(shown, key=lambda path: path.suffix.lower() == ".png")}
        return listed[folder]

    found = {}
    for path in pictures:
        names = [(folder, f"{path.stem}{mark}") for folder in folders(path) for mark in marks]
        own = next((stems(folder)[name] for folder, name in names if name in stems(folder)), None)
        if own is not None:
            found[path] = own
    return found
