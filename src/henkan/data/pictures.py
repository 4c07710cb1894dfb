"""What a source of pictures is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from henkan.data.splits import SPLITS, Split, split_by_folder, split_by_hash
from henkan.errors import UserError

if TYPE_CHECKING:
    from henkan.data.strokes import Strokes

Picture = NDArray[np.uint8]
"""8-bit RGB, (H, W, 3), or grey, (H, W, 1); contiguous."""

Layer = NDArray[Any]
"""What comes with a picture and is framed as it is: a picture, or a map of float32 numbers, (H, W, C)."""


class Pictures(ABC):
    """Named pictures in three splits; made in the main process, read in the workers (forked or spawned).

    A picture under a folder named train, val or test belongs to that split; every other one is split by the
    hash of its group, 80/10/10. `where` says in messages what these pictures are, `channels` whether they are RGB (3)
    or grey (1), `scale` how many times larger than its `source` a picture is, `ready` whether they come framed and
    degraded, `threshold` below what tone (of 1) a target is black when it is framed as well (null: it is not).
    """

    channels = 3
    scale = 1
    ready = False
    threshold: float | None = None

    def __init__(self, names: Iterable[str], where: str) -> None:
        self.where = where
        members: dict[Split, list[str]] = {split: [] for split in SPLITS}
        for name in sorted(names):
            members[self.split(name)].append(name)
        self._names = {split: tuple(found) for split, found in members.items()}

    def names(self, split: Split) -> tuple[str, ...]:
        """Return the relative paths of a split, sorted."""
        return self._names[split]

    def some_names(self, split: Split) -> tuple[str, ...]:
        """Return the names of a split; raises `UserError` if there is none."""
        if found := self._names[split]:
            return found
        total = sum(map(len, self._names.values()))
        raise UserError(
            f"{self.where}: the split {split} is empty ({total} pictures, by hash 80/10/10 unless they lie "
            f"in folders named train, val, test): put pictures into a folder named {split}"
        )

    def read(self, split: Split, index: int) -> Picture:
        """Return picture `index` of a split, (H, W, C) uint8."""
        return self.picture(self._names[split][index])

    def split(self, name: str) -> Split:
        """Return the split of a picture."""
        return split_by_folder(name) or split_by_hash(self.group(name))

    def group(self, name: str) -> str:
        """Return the key that pictures which must not be parted by a split share."""
        return name

    def prepare(self) -> None:
        """Do, once and before any worker starts, what reading needs."""
        return

    def epoch(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return the order in which an epoch goes through the training split: each picture once, at random."""
        return rng.permutation(len(self._names["train"]))

    def strokes(self, name: str) -> Strokes | None:
        """Return a drawing's strokes, in pixels of the whole picture, where it is kept as such."""
        return None

    def companions(self, name: str) -> dict[str, Layer]:
        """Return what belongs to a picture, by sample key: pictures and maps of the same height and width, but for a
        `source`, which is `scale` times smaller.
        """
        return {}

    def facts_of(self, name: str) -> dict[str, Any]:
        """Return what else belongs to a picture, by sample key: small arrays, whole numbers and words."""
        return {}

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes that training pictures belong to, sorted; none where nobody has said."""
        return ()

    def leave_out(self, names: Iterable[str]) -> None:
        """Take pictures out of the training split."""
        left = frozenset(names)
        self._names["train"] = tuple(name for name in self._names["train"] if name not in left)

    def fingerprint(self, name: str) -> str:
        """Return a hash of one picture's pixels."""
        return blake2b(self.picture(name).tobytes(), digest_size=16).hexdigest()

    @abstractmethod
    def picture(self, name: str) -> Picture:
        """Return one picture by its name, (H, W, C) uint8."""

    @abstractmethod
    def manifest(self) -> str:
        """Return a hash of the contents: what the pictures are and how they are split, not where they lie."""
