"""Runs and shared prefixes are deleted: none that a process works on, and all of them or, where one is kept, none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from henkan.errors import UserError
from henkan.files import is_left, owner
from henkan.runs.locks import LOCK, TURN, is_held, lock, try_to_hold

# What is being deleted, until it is gone: no run any more, and an owner's.
GOING = ".deleted-"
# Of a folder's name, what stays in that of one that is going: file systems take 255 bytes.
KEPT = 40


def delete(folders: Sequence[Path]) -> None:
    """Delete run folders. Raises `UserError`, before any is touched, where a process trains or scores one of them."""
    with ExitStack() as stack:
        for folder in folders:
            if folder.is_symlink():
                # What it leads to is somebody's, and stays.
                continue
            try:
                own = lock(folder / LOCK)
                # It is here now, for as long as it takes.
                free = not is_held(folder / TURN) and try_to_hold(own)
            except OSError as error:
                raise UserError(f"{folder} cannot be deleted: {error.strerror}") from error
            stack.callback(own.release)
            if not free:
                raise UserError(
                    f"{folder.name} is being trained or scored: nothing was deleted; end that process first"
                )
        for folder in folders:
            remove(folder)
    for place in {folder.parent for folder in folders}:
        for left in filter(is_left, place.glob(f"{GOING}*")):
            shutil.rmtree(left, ignore_errors=True)


def remove(folder: Path) -> None:
    """Remove a folder, or a link to one, so that at no time a part of it looks like the whole."""
    if folder.is_symlink():
        folder.unlink()
        return
    going = folder.with_name(f"{GOING}{folder.name[-KEPT:]}.{owner()}")
    try:
        os.rename(folder, going)
        shutil.rmtree(going)
    except OSError as error:
        raise UserError(f"{folder} cannot be deleted: {error.strerror}") from error
