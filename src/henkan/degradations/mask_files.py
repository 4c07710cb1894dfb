"""Holes from mask files: one drawn by a person, any of a folder, or the one that belongs to the picture."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from henkan.data.ahead import ahead
from henkan.data.cache import cache_folder, recalled, remember
from henkan.data.contents import hash_contents
from henkan.data.image_folder import list_pictures
from henkan.data.kept import KeptOf
from henkan.data.masks import Mask, Packed, check_mask, read_mask, read_packed
from henkan.degradations.holes import Holes, center_of, drawn
from henkan.errors import UserError
from henkan.progress import followed
from henkan.ranks import say
from henkan.sample import Parameters

# Masks in a row that may be blank at a picture's size.
ATTEMPTS = 16


class DrawnMask(Holes):
    """One mask, drawn by a person, for every picture: what was painted is missing, soft edges from half on.

    It is fitted to the size of the picture. A real picture's window is cut at random.
    """

    def __init__(self, path: str | Path, fill: Sequence[float], cache: str | Path | None = None) -> None:
        super().__init__(fill)
        self.path, self.cache = Path(path).expanduser(), cache

    @cached_property
    def mask(self) -> Mask:
        """Read when it is first drawn: a trained network completes pictures without it."""
        return read_mask(self.path)

    def draw(self, target: NDArray[np.uint8], rng: np.random.Generator, name: str = "") -> Parameters:
        mask = fitted(self.mask, target.shape)
        check_mask(mask, target.shape, str(self.path))
        return drawn(mask, center_of(mask), rng.integers(0, target.shape[:2]), "drawn")

    def manifest(self) -> str:
        if not self.path.is_file():
            raise UserError(f"there is no mask {self.path}: name another with degradation.path=FILE")
        return hash_contents(self.path.parent, [self.path.name], self.cache)


class FolderMasks(Holes):
    """Any of the masks in a folder, drawn at random, mirrored at random, and fitted to the size of the picture.

    One that is blank or full at that size is passed over for another. Each is read once, as far as memory suffices;
    `cache` remembers which of them can be read.
    """

    def __init__(self, path: str | Path, fill: Sequence[float], cache: str | Path | None = None) -> None:
        super().__init__(fill)
        self.path, self.cache, self._kept = Path(path).expanduser(), cache, KeptOf[Packed]()

    @cached_property
    def names(self) -> list[str]:
        """The masks' relative paths, listed when one is first drawn."""
        return list_pictures(self.path)

    def draw(self, target: NDArray[np.uint8], rng: np.random.Generator, name: str = "") -> Parameters:
        (mask, found), (other, second) = self._any(target.shape, rng), self._any(target.shape, rng)
        for _ in range(ATTEMPTS):
            if is_hole(mask) and is_hole(other):
                break
            if not is_hole(mask):
                mask, found = self._any(target.shape, rng)
            if not is_hole(other):
                other, second = self._any(target.shape, rng)
        check_mask(mask, target.shape, f"{self.path / found}")
        check_mask(other, target.shape, f"{self.path / second}")
        return drawn(mask, center_of(mask), center_of(other), "folder")

    def _any(self, shape: tuple[int, ...], rng: np.random.Generator) -> tuple[Mask, str]:
        name = self.names[rng.integers(len(self.names))]
        mask = fitted(self.read(name), shape)
        return np.ascontiguousarray(mask[:, ::-1] if rng.random() < 0.5 else mask), name

    def read(self, name: str) -> Mask:
        """Return a mask of the folder at its own size."""
        return self._kept(self.path / name, read_packed).mask

    def check(self) -> None:
        """Read each mask once, unless that was done before. Raises `UserError` if one cannot be, or all are blank."""
        memory = cache_folder(self.cache) / "masks" / f"{self.manifest()}.json"
        blank: int | None = recalled(memory)
        if blank is None:
            holes = list(self._looked_at())
            if broken := [reason for reason in holes if isinstance(reason, str)]:
                others = f" (and {len(broken) - 1:,} more of {len(holes):,} masks)" if len(broken) > 1 else ""
                raise UserError(f"{broken[0]}{others}")
            blank = holes.count(False)
            remember(memory, blank)
        if blank == len(self.names):
            raise UserError(f"{self.path}: all {blank:,} masks are blank or full: give some with paint on black")
        if blank:
            say(f"{self.path}: {blank:,} of {len(self.names):,} masks are blank or full and never drawn")

    def _looked_at(self) -> Iterator[bool | str]:
        """Yield for each mask whether it is a hole, or why it cannot be read."""

        def look(name: str) -> bool | str:
            try:
                return is_hole(read_mask(self.path / name))
            except UserError as error:
                return str(error)

        with followed("masks", len(self.names), "mask") as advance:
            for found in ahead(look, self.names):
                yield found
                advance()

    def manifest(self) -> str:
        return hash_contents(self.path, self.names, self.cache)


class NamedMasks(FolderMasks):
    """Each picture's own mask: the one in the folder with the same relative path, whatever its extension.

    For whole pictures: a mask of another size than the picture is refused, and so is a picture that was cut. Raises
    `UserError` naming the picture that has no mask.
    """

    whole = True

    def check(self) -> None:
        """Nothing: masks are read with the pictures that they belong to."""

    @cached_property
    def partners(self) -> dict[str, str]:
        """Relative path without extension -> mask."""
        return {stem_of(name): name for name in self.names}

    def lacking(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if stem_of(name) not in self.partners]

    def manifest_of(self, names: Collection[str]) -> str:
        own = (self.partners.get(stem_of(name)) for name in names)
        return hash_contents(self.path, [mask for mask in own if mask is not None], self.cache)

    def draw(self, target: NDArray[np.uint8], rng: np.random.Generator, name: str = "") -> Parameters:
        stem = stem_of(name)
        if stem not in self.partners:
            raise UserError(f"{name} has no mask: {self.path / stem}.png (or another kind of picture) is missing")
        mask = self.read(self.partners[stem])
        check_mask(mask, target.shape, name)
        return drawn(mask, center_of(mask), rng.integers(0, target.shape[:2]), "folder")


def stem_of(name: str) -> str:
    """Return a relative path without its extension."""
    return Path(name).with_suffix("").as_posix()


def is_hole(mask: Mask) -> bool:
    """Whether something is missing and something known."""
    return bool(mask.any()) and not bool(mask.all())


def fitted(mask: Mask, shape: tuple[int, ...]) -> Mask:
    """Return the mask in the size of a picture of `shape` (H, W, ...)."""
    if mask.shape == shape[:2]:
        return mask
    return np.asarray(cv2.resize(mask, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST), np.uint8)
