"""One look at every picture of a source: what cannot be read, how large the rest is, what is grey or there twice."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from PIL import Image, ImageDraw
from torch.utils.data import DataLoader, Dataset

from henkan.data.cache import cache_folder, recalled, remember
from henkan.data.contents import state_of
from henkan.data.decode import is_picture, opened
from henkan.data.frame import no_larger
from henkan.data.kept import keeping_none
from henkan.data.near_grey import NearGrey
from henkan.data.pictures import Pictures, every
from henkan.data.splits import SPLITS
from henkan.data.stream import check_sizes
from henkan.errors import UserError
from henkan.files import replaced
from henkan.progress import followed

# Pictures that a process looks at in one go, and that are looked at between two times of remembering.
BATCH, BETWEEN = 16, 4096
# What of a source's settings makes other pictures of the same files.
SETTINGS = ("threshold", "invert", "scale", "source", "target", "direction", "cache_side")
# Of the contact sheet, in pixels: a picture's side, the space between two, and the line above a split.
SIDE, GAP, LINE, ACROSS = 96, 4, 20, 12


class Facts(TypedDict, total=False):
    """What a look at a picture has found: why it is `broken`, or all the rest."""

    broken: str
    width: int
    height: int
    # Of its file: PNG, JPEG, ..., and what its pixels are, RGB, L, P, ...
    format: str
    mode: str
    # Whether nothing about color can be learned from it.
    grey: bool
    # The hash of its pixels.
    pixels: str


class Looks(Dataset[list[Facts]]):
    """What a look at the pictures of a batch finds."""

    def __init__(self, pictures: Pictures, batches: Sequence[Sequence[str]]) -> None:
        self.pictures, self.batches = pictures, batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number: int) -> list[Facts]:
        return [look(self.pictures, name) for name in self.batches[number]]


def look(pictures: Pictures, name: str) -> Facts:
    """Look at one picture and what comes with it."""
    facts = Facts()
    try:
        for path in pictures.files(name)[:1]:
            if is_picture(path.suffix):
                with opened(path) as image:
                    facts["format"], facts["mode"] = str(image.format), image.mode
        picture = pictures.picture(name)
        check_sizes(pictures, name, {"target": picture, **pictures.companions(name)})
    except UserError as error:
        return Facts(broken=str(error))
    facts["height"], facts["width"] = picture.shape[:2]
    facts["grey"] = picture.shape[2] == 3 and NearGrey()(picture)
    facts["pixels"] = blake2b(repr(picture.shape).encode() + picture.tobytes(), digest_size=16).hexdigest()
    return facts


def survey(
    pictures: Pictures, cache: str | Path | None, workers: int, init: Callable[[int], None] | None = None
) -> dict[str, Facts]:
    """Look at every picture, by so many processes (each begins with `init`), and return what was found by name.

    What was found is remembered in `cache` by the files' sizes and times of change, whenever the pass ends: after an
    interruption it goes on from there.
    """
    pictures = keeping_none(pictures)
    # What looks at some of its pictures before any is read goes on to the others.
    pictures.skip_broken = True
    names = every(pictures)
    files = {name: pictures.files(name) for name in names}
    # Where there are no files, contents tell whether pictures are the same.
    shown = [getattr(pictures, name, None) for name in SETTINGS]
    kind = [type(pictures).__qualname__, pictures.where, pictures.channels, *map(str, shown)]
    if not all(files.values()):
        kind.append(pictures.manifest())
    key = blake2b(json.dumps(kind).encode(), digest_size=16).hexdigest()
    memory = cache_folder(cache) / "survey" / f"{key}.json"
    known: dict[str, Any] = recalled(memory) or {}
    broken = {name: Facts(broken=reason) for name in names if (reason := unstable(files[name]))}
    states = {name: states_of(files[name]) for name in names if name not in broken}
    found: dict[str, Any] = {name: known[name] for name in states if known.get(name, [None])[0] == states[name]}
    rest = [name for name in states if name not in found]
    pictures.prepare()
    batches = [rest[start : start + BATCH] for start in range(0, len(rest), BATCH)]
    loader: DataLoader[Any] = DataLoader(
        Looks(pictures, batches),
        batch_size=None,
        num_workers=min(workers, len(batches)) if len(batches) > 1 else 0,
        collate_fn=_as_it_is,
        worker_init_fn=init,
    )
    remembered = len(found)
    try:
        with followed("pictures", len(rest), "picture") as advance:
            for batch, facts in zip(batches, loader, strict=True):
                for name, own in zip(batch, facts, strict=True):
                    found[name] = [states[name], own]
                    advance()
                if len(found) - remembered >= BETWEEN:
                    remember(memory, found)
                    remembered = len(found)
    finally:
        if len(found) > remembered:
            remember(memory, found)
    return {name: broken[name] if name in broken else found[name][1] for name in names}


def _as_it_is(batch: Any) -> Any:
    return batch


def unstable(files: Sequence[Path]) -> str | None:
    """Return why one of the files cannot even be looked at: a link to nothing, a pipe; None where all can."""
    try:
        states_of(files)
    except UserError as error:
        return str(error)
    return None


def states_of(files: Sequence[Path]) -> list[list[int]]:
    return [[state.st_size, state.st_mtime_ns] for state in map(state_of, files)]


def twice(found: dict[str, Facts]) -> list[list[str]]:
    """Return the groups of pictures that have the same pixels."""
    same: dict[str, list[str]] = defaultdict(list)
    for name, facts in found.items():
        if "pixels" in facts:
            same[facts["pixels"]].append(name)
    return [names for names in same.values() if len(names) > 1]


def write_sheet(pictures: Pictures, found: dict[str, Facts], count: int, path: Path) -> None:
    """Draw `count` pictures of each split that can be read, evenly out of all, as a PNG: a block of rows a split."""
    blocks = []
    for split in SPLITS:
        names = [name for name in pictures.names(split) if "broken" not in found[name]]
        if names:
            chosen = [names[place] for place in np.unique(np.linspace(0, len(names) - 1, count).astype(int))]
            blocks.append((f"{split}: {len(chosen):,} of {len(names):,}", chosen))
    step = SIDE + GAP
    heights = [LINE + -(-len(chosen) // ACROSS) * step for _, chosen in blocks]
    sheet = Image.new("RGB", (ACROSS * step + GAP, max(1, sum(heights))), "grey")
    drawing, top = ImageDraw.Draw(sheet), 0
    for (title, chosen), height in zip(blocks, heights, strict=True):
        drawing.text((GAP, top + GAP), title, "white")
        for place, thumbnail in enumerate(thumbnails(pictures, chosen)):
            down, right = divmod(place, ACROSS)
            sheet.paste(thumbnail, (GAP + right * step, top + LINE + down * step))
        top += height
    with replaced(path) as partial:
        sheet.save(partial, "PNG")


def thumbnails(pictures: Pictures, names: Sequence[str]) -> Iterator[Image.Image]:
    """Yield pictures in RGB, no larger than the sheet shows them."""
    for name in names:
        small = no_larger(pictures.picture(name), SIDE)
        yield Image.fromarray(np.ascontiguousarray(np.broadcast_to(small, (*small.shape[:2], 3))))
