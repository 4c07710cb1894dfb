"""Decoded pictures that stay in memory: reading one again costs as much as a small training step."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from henkan.data.contents import state_of
from henkan.data.decode import Size, decode_for
from henkan.data.pictures import Picture, Pictures

# Bytes a process: some five hundred photographs of half a megapixel. Larger sets are read anew each time.
BUDGET = 256 << 20


class Sized(Protocol):
    """What says how much memory it takes."""

    @property
    def nbytes(self) -> int: ...


Thing = TypeVar("Thing", bound=Sized)
State = tuple[int, int]
"""Size and time of change of a file."""


class KeptOf(Generic[Thing]):
    """Keeps what was decoded from each file until `budget` bytes are full; then the rest is decoded each time.

    What is kept is given up only for a file that has changed: an epoch goes through all pictures, so the one that was
    used last is needed last. Another process starts with none.
    """

    def __init__(self, budget: int = BUDGET) -> None:
        self.budget = budget
        # By file, and by what sides were divided by.
        self.pictures: dict[tuple[Path, int], tuple[State, Thing]] = {}

    def __call__(self, path: Path, decode: Callable[[Path], Thing]) -> Thing:
        """Return the picture in a file, decoded at most once if it is kept."""
        state = state_now(path)
        found = self._recalled(path, 1, state)
        return self._keep(path, 1, state, decode(path)) if found is None else found

    def _recalled(self, path: Path, by: int, state: State) -> Thing | None:
        then, found = self.pictures.get((path, by), (None, None))
        if found is None or then == state:
            return found
        self.budget += found.nbytes
        del self.pictures[path, by]
        return None

    def _keep(self, path: Path, by: int, state: State, found: Thing) -> Thing:
        _, before = self.pictures.pop((path, by), (None, None))
        self.budget += 0 if before is None else before.nbytes
        if found.nbytes <= self.budget:
            self.budget -= found.nbytes
            self.pictures[path, by] = (state, found)
        return found

    def __reduce__(self) -> tuple[type[KeptOf[Thing]], tuple[()]]:
        return (type(self), ())


class Kept(KeptOf[Picture]):
    """Keeps pictures, each at every size that it was read at."""

    def __init__(self, budget: int = BUDGET) -> None:
        super().__init__(budget)
        # Whole sizes; none of those that cannot be read smaller.
        self.sizes: dict[Path, tuple[State, Size | None]] = {}

    def reduced(self, path: Path, choose: Callable[[int, int], int]) -> tuple[Picture, int]:
        """Return the picture in a file, and what its sides were divided by; see `henkan.data.decode.decode_for`."""
        state = state_now(path)
        then, size = self.sizes.get(path, (None, None))
        if then == state and size is not None:
            by = choose(*size)
            if (found := self._recalled(path, by, state)) is not None:
                return found, by
            read = decode_for(path, lambda height, width: by)
        elif then == state and (found := self._recalled(path, 1, state)) is not None:
            choose(*found.shape[:2])
            return found, 1
        else:
            read = decode_for(path, choose)
        self._keep(path, read.by, state, read.picture)
        if (path, read.by) in self.pictures:
            self.sizes[path] = (state, read.size if read.reducible else None)
        return read.picture, read.by

    def prepare(self, paths: Iterable[Path], decode: Callable[[Path], Picture]) -> None:
        """Do nothing: pictures are kept as they are read."""


def state_now(path: Path) -> State:
    """Return size and time of change of a file; see `state_of`."""
    state = state_of(path)
    return state.st_size, state.st_mtime_ns


def keeping_none(pictures: Pictures) -> Pictures:
    """Return the same pictures, of which none stays in memory when it is read: for one look at each."""
    found = copy.copy(pictures)
    for name, value in vars(pictures).items():
        if isinstance(value, Kept):
            setattr(found, name, Kept(budget=0))
    return found
