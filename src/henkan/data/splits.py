"""Which split a picture belongs to: a pure function of its name, so that new pictures move no old one."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from typing import Literal, get_args

from henkan.errors import UserError

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
# What folders of splits are called, in any case.
SYNONYMS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
# What may follow, as in val_large, train2017, test-256, training set. Not anything: train_station is a class of scenes.
FOLDER = re.compile(
    rf"({'|'.join(SYNONYMS)})(?:[ _.-]?(?:\d+|large|small|full|set|data|split|images?|pictures?|photos?))*",
    re.IGNORECASE,
)
# Words that a folder's name would have if it meant a split, and beginnings of such words.
WORDS, BEGINNINGS = frozenset({*SYNONYMS, "eval", "evaluation", "holdout", "trn", "tst"}), ("train", "valid", "test")


def split_by_hash(key: str) -> Split:
    """Return train, val or test with shares 80/10/10, by the BLAKE2b hash of `key`."""
    share = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big") / 2**64
    return "train" if share < 0.8 else "val" if share < 0.9 else "test"


def split_by_folder(name: str) -> Split | None:
    """Return the split that the uppermost folder of the relative path `name` means which means one, if there is one."""
    folders = name.rpartition("/")[0]
    place = place_of_split(folders)
    return None if place is None else meant(folders.split("/")[place])


@lru_cache(maxsize=1 << 16)
def place_of_split(folders: str) -> int | None:
    """Return which folder of a relative path of folders is a split's, the uppermost one; None where there is none."""
    return next((place for place, folder in enumerate(folders.split("/")) if meant(folder)), None)


@lru_cache(maxsize=1 << 16)
def meant(folder: str) -> Split | None:
    """Return the split that a folder's name means: `train`, `Val`, `valid`, `val_large`, `test2017`."""
    found = FOLDER.fullmatch(folder)
    return None if found is None else SYNONYMS[found[1].lower()]


def looks_like_one(folder: str) -> bool:
    """Whether a folder's name seems to mean a split and is not taken for one: `DIV2K_train_HR`, `trainA`, `holdout`."""
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", folder)]
    return meant(folder) is None and any(word in WORDS or word.startswith(BEGINNINGS) for word in words)


def split_at_first(name: str) -> Split:
    """Return the split that a name had before folders had synonyms and lay deeper, and pictures groups."""
    first, *rest = name.split("/")
    return next((split for split in SPLITS if rest and first == split), None) or split_by_hash(name)


class Grouping:
    """The key that pictures share which no split must part, out of their relative paths: what an expression finds.

    That is all it has in parentheses, or without any the whole match: `^(person\\d+)_`, `scene\\d+`. A name in which
    nothing is found is a group of its own. Raises `UserError` for what is no regular expression.
    """

    def __init__(self, pattern: str | None) -> None:
        try:
            self.pattern = None if pattern is None else re.compile(pattern)
        except re.error as error:
            raise UserError(
                f"data.group={pattern} is no regular expression ({error}): 'data.group=\"^(person\\\\d+)_\"' is one"
            ) from error

    def __call__(self, name: str) -> str:
        return self.found(name) or name

    def found(self, name: str) -> str:
        """Return the key that the expression finds in a name; empty where it finds none."""
        found = None if self.pattern is None else self.pattern.search(name)
        if found is None:
            return ""
        parts = [part or "" for part in found.groups()]
        return "\x1f".join(parts) if any(parts) else "" if parts else found[0]
