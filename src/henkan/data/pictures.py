"""What a source of pictures is."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from henkan.data.splits import SPLITS, Grouping, Split, split_at_first, split_by_folder, split_by_hash
from henkan.errors import BrokenPicture, UserError

if TYPE_CHECKING:
    from henkan.data.strokes import Strokes

Picture = NDArray[np.uint8]
"""8-bit RGB, (H, W, 3), or grey, (H, W, 1); contiguous."""

Layer = NDArray[Any]
"""What comes with a picture and is framed as it is: a picture, or a map of float32 numbers, (H, W, C)."""


class Rejects(Protocol):
    """Tells pictures (H, W, C) that training passes over, up to `attempts` in a row, and in a word why."""

    reason: str
    attempts: int

    def __call__(self, picture: Picture) -> bool: ...


class Pictures(ABC):
    """Named pictures in three splits; made in the main process, read in the workers (forked or spawned).

    A picture under a folder named train, val or test (see `henkan.data.splits.meant`) belongs to that split; every
    other one is split by the hash of its group, 80/10/10: what the regular expression `group` finds in its name, or the
    whole name. `where` says in messages what these pictures are, `channels` whether they are RGB (3) or grey (1),
    `scale` how many times larger than its `source` a picture is, `ready` whether they come framed and degraded,
    `threshold` below what tone (of 1) a target is black when it is framed as well (null: it is not). `rule` says how
    they are split where it is otherwise, `skip_broken` whether training goes on with another picture for a broken one,
    `rejects` what tells the pictures of the training split that it passes over, `cache_side` how large a shorter side
    is at most where they are kept on disk, `fill` the color of holes where sources come with them.
    """

    channels = 3
    scale = 1
    ready = False
    fill: Sequence[float] | None = None
    threshold: float | None = None
    rule: str | None = None
    skip_broken = False
    rejects: Rejects | None = None
    cache_side: int | None = None

    def __init__(self, names: Iterable[str], where: str, group: str | None = None) -> None:
        self.where, self.grouping, names = where, Grouping(group), list(names)
        if group is not None and not any(map(self.grouping.found, names)):
            raise UserError(f"data.group={group} finds nothing in any name of {where}, as in {names[0]}: mend it")
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

    @property
    def reducible(self) -> bool:
        """Whether pictures, which nothing comes with, may be read smaller, by `reduced`."""
        return False

    def reduced(self, name: str, choose: Callable[[int, int], int]) -> tuple[Picture, int]:
        """Return a picture whose sides were divided by `choose(height, width)` at most while it was read, and by what
        they were.
        """
        picture = self.picture(name)
        choose(*picture.shape[:2])
        return picture, 1

    def split(self, name: str) -> Split:
        """Return the split of a picture."""
        return split_by_folder(name) or split_by_hash(self.group(name))

    def group(self, name: str) -> str:
        """Return the key that pictures which must not be parted by a split share."""
        return self.grouping(name)

    def files(self, name: str) -> tuple[Path, ...]:
        """Return the files that a picture is read from, its own first; none where it is no file's."""
        return ()

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

    def readable(self, names: Iterable[str]) -> Iterator[Picture]:
        """Yield pictures of the training split one after the other, without those that it passes over."""
        for name in names:
            try:
                found = self.picture(name)
            except BrokenPicture:
                if not self.skip_broken:
                    raise
                continue
            if self.rejects is None or not self.rejects(found):
                yield found

    def as_split(self, content: str, splits: Collection[Split] = SPLITS) -> str:
        """Return a hash of the contents of some splits with the size at which they are kept, and with how they are
        split, where that is otherwise than names alone once said.
        """
        if self.cache_side is not None:
            content = f"{content}-at-{self.cache_side}"
        if type(self).split is not Pictures.split:
            return content
        moved = [(name, split) for split in splits for name in self._names[split] if split_at_first(name) != split]
        return blake2b(json.dumps([content, moved]).encode(), digest_size=16).hexdigest() if moved else content

    def manifest_of(self, splits: Collection[Split]) -> str:
        """Return a hash as `manifest` does, of some splits alone; of all where the source does not tell them apart."""
        return self.manifest()

    def fingerprint(self, name: str) -> str:
        """Return a hash of one picture's pixels."""
        return blake2b(self.picture(name).tobytes(), digest_size=16).hexdigest()

    @abstractmethod
    def picture(self, name: str) -> Picture:
        """Return one picture by its name, (H, W, C) uint8."""

    @abstractmethod
    def manifest(self) -> str:
        """Return a hash of the contents: what the pictures are and how they are split, not where they lie."""


def every(pictures: Pictures) -> list[str]:
    """Return the names of all splits, each once."""
    return list(dict.fromkeys(name for split in SPLITS for name in pictures.names(split)))
