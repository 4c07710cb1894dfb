"""Decoded pictures that stay in memory: reading one again costs as much as a small training step."""

from __future__ import annotations

from collections.abc import Callable

from henkan.data.pictures import Picture

# Bytes a process: some five hundred photographs of half a megapixel. Larger sets are read anew each time.
BUDGET = 256 << 20


class Kept:
    """Keeps what was decoded, by name, until `budget` bytes are full; then the rest is decoded each time.

    What is kept is never given up: an epoch goes through all pictures, so the one that was used last is needed last.
    Another process starts with none.
    """

    def __init__(self, budget: int = BUDGET) -> None:
        self.budget, self.pictures = budget, dict[str, Picture]()

    def __call__(self, name: str, decode: Callable[[], Picture]) -> Picture:
        """Return the picture of this name, decoded at most once if it is kept."""
        found = self.pictures.get(name)
        if found is None:
            found = decode()
            if found.nbytes <= self.budget:
                self.budget -= found.nbytes
                self.pictures[name] = found
        return found

    def __reduce__(self) -> tuple[type[Kept], tuple[()]]:
        return (Kept, ())
