"""Decoded pictures that stay in memory: reading one again costs as much as a small training step."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

from henkan.data.contents import state_of
from henkan.data.pictures import Picture, Pictures

# Bytes a process: some five hundred photographs of half a megapixel. Larger sets are read anew each time.
BUDGET = 256 << 20


class Kept:
    """Keeps what was decoded from each file until `budget` bytes are full; then the rest is decoded each time.

    What is kept is given up only for a file that has changed: an epoch goes through all pictures, so the one that was
    used last is needed last. Another process starts with none.
    """

    def __init__(self, budget: int = BUDGET) -> None:
        self.budget = budget
        self.pictures: dict[Path, tuple[tuple[int, int], Picture]] = {}

    def __call__(self, path: Path, decode: Callable[[Path], Picture]) -> Picture:
        """Return the picture in a file, decoded at most once if it is kept."""
        state = state_of(path)
        now = (state.st_size, state.st_mtime_ns)
        then, found = self.pictures.get(path, (None, None))
        if found is not None and then == now:
            return found
        if found is not None:
            self.budget += found.nbytes
            del self.pictures[path]
        found = decode(path)
        if found.nbytes <= self.budget:
            self.budget -= found.nbytes
            self.pictures[path] = (now, found)
        return found

    def __reduce__(self) -> tuple[type[Kept], tuple[()]]:
        return (Kept, ())


def keeping_none(pictures: Pictures) -> Pictures:
    """Return the same pictures, of which none stays in memory when it is read: for one look at each."""
    found = copy.copy(pictures)
    for name, value in vars(pictures).items():
        if isinstance(value, Kept):
            setattr(found, name, Kept(budget=0))
    return found
