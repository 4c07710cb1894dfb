"""What a person is told of a source of pictures: how many in which split, by which rule, and what looks wrong in it."""

from __future__ import annotations

from collections import Counter, defaultdict

from henkan.data.notices import some
from henkan.data.pictures import Pictures, every
from henkan.data.splits import SPLITS, looks_like_one, place_of_split
from henkan.ranks import say

HASH = "by hash, 80/10/10"


def tell(pictures: Pictures) -> None:
    """Tell a person how pictures are split."""
    for line in counted(pictures):
        say(line)


def counted(pictures: Pictures) -> list[str]:
    """Return how pictures are split, in lines: the first has counts and rule, each further one what looks wrong."""
    counts = ", ".join(f"{len(pictures.names(split)):,} {split}" for split in SPLITS)
    names = every(pictures)
    screened = []
    if pictures.rejects is not None:
        reason = pictures.rejects.reason
        screened = [
            f"{pictures.where}: training passes over pictures that are {reason}; val and test are scored with them"
        ]
    if pictures.rule is not None:
        return [f"{pictures.where}: {counts}, {pictures.rule}", *screened]
    hashed = [name for name in names if place_of_split(folders_of(name)) is None]
    lines = [f"{pictures.where}: {counts}, {rule_of(pictures, names, hashed)}", *screened]
    # Each folder is looked at once, however many pictures it has.
    folders = Counter(map(folders_of, hashed))
    doubtful: Counter[str] = Counter()
    for path, count in folders.items():
        if found := next((folder for folder in path.split("/") if looks_like_one(folder)), None):
            doubtful[found] += count
    for folder, count in sorted(doubtful.items()):
        lines.append(
            f"{pictures.where}: the folder {folder} looks like a split and is none, its {count:,} pictures are split "
            "by hash: if it is one, call it train, val or test"
        )
    return lines + doubts_about_groups(pictures, names)


def rule_of(pictures: Pictures, names: list[str], hashed: list[str]) -> str:
    """Return in words by which rule pictures are split."""
    groups = len({pictures.group(name) for name in hashed})
    by_hash = HASH if groups == len(hashed) else f"by hash of {groups:,} groups, 80/10/10"
    if len(hashed) == len(names):
        return by_hash
    parents = {folders_of(name) for name in names}
    found = sorted(
        {"/".join(path.split("/")[: place + 1]) for path in parents if (place := place_of_split(path)) is not None}
    )
    by_folder = f"by the folders {some(found)}"
    if not hashed:
        return by_folder
    return f"{len(names) - len(hashed):,} of them {by_folder}, {len(hashed):,} {by_hash}"


def doubts_about_groups(pictures: Pictures, names: list[str]) -> list[str]:
    """Return what to say of pictures that `data.group` does not match, and of groups that folders of splits part."""
    if pictures.grouping.pattern is None:
        return []
    lines, splits = [], defaultdict(set)
    for split in SPLITS:
        for name in pictures.names(split):
            splits[pictures.grouping.found(name)].add(split)
    if alone := [name for name in names if not pictures.grouping.found(name)]:
        lines.append(f"{pictures.where}: data.group finds nothing in {len(alone):,} names, each its own: {some(alone)}")
    if parted := sorted(key for key, found in splits.items() if key and len(found) > 1):
        shown = some([key.replace("\x1f", " ") for key in parted])
        lines.append(
            f"{pictures.where}: {len(parted):,} groups of data.group lie in the folders of several splits, and folders "
            f"win: {shown}"
        )
    return lines


def folders_of(name: str) -> str:
    return name.rpartition("/")[0]
