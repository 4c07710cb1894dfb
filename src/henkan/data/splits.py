"""Which split a picture belongs to: a pure function of its name, so that new pictures move no old one."""

from __future__ import annotations

from hashlib import blake2b
from typing import Literal, get_args

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)


def split_by_hash(key: str) -> Split:
    """Return train, val or test with shares 80/10/10, by the BLAKE2b hash of `key`."""
    share = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big") / 2**64
    return "train" if share < 0.8 else "val" if share < 0.9 else "test"


def split_by_folder(name: str) -> Split | None:
    """Return the split that the first folder of the relative path `name` is called after, if it is one."""
    first, *rest = name.split("/")
    return next((split for split in SPLITS if rest and first == split), None)
