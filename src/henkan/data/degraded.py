"""What `henkan degrade` has written, read back: sample i is sample i."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from henkan.data.pictures import Picture, Pictures
from henkan.data.shards import AGAIN, ELSEWHERE, FORMATS, LAYERS, Chunk, decoded, index, key, rows
from henkan.data.splits import SPLITS, Split
from henkan.errors import UserError
from henkan.files import Damaged, read_sealed, regular


class Degraded(Pictures):
    """Samples that are framed and degraded already, in files or in tar shards, with random access to each.

    An epoch goes through them in their own order, so that training sees what it would have seen on the fly with the
    same seed, and the same however many samples are written beyond. `path` is the folder that was written.
    """

    ready = True
    rule = "as they were written"

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser()
        path = self.path / "dataset.json"
        if not path.is_file():
            raise UserError(f"{self.path} was not written by henkan degrade: {path} is missing")
        self.facts = checked(read_sealed(path, ELSEWHERE), path)
        self.channels = int(self.facts["channels"])
        # Of holes; where something else was done to the pictures, or it was not said yet, there is none.
        self.fill = ((self.facts.get("settings") or {}).get("degradation") or {}).get("fill")
        # Before a name is made for each sample: a count may be anything.
        if not all(self._there(chunk) for chunk in self._chunks()):
            raise UserError(f"{self.path} is not complete: start the same henkan degrade again")
        super().__init__(
            [f"{split}/{key(k)}" for split, count in self.facts["counts"].items() for k in range(count)], str(self.path)
        )

    def _chunks(self) -> Iterator[Chunk]:
        shard = self.facts["shard"]
        for split, count in self.facts["counts"].items():
            yield from (Chunk(split, start, min(start + shard, count)) for start in range(0, count, shard))

    def _there(self, chunk: Chunk) -> bool:
        """Whether a chunk has a manifest that can be long enough: a line takes more than a byte."""
        path = self.path / chunk.manifest
        return path.is_file() and path.stat().st_size > len(chunk)

    @property
    def classes(self) -> tuple[str, ...]:
        # What was written before there were maps of classes does not say.
        return tuple(self.facts.get("classes", ()))

    def epoch(self, rng: np.random.Generator) -> NDArray[np.int64]:
        return np.arange(len(self._names["train"]))

    def chunk(self, name: str) -> Chunk:
        """Return the chunk that a sample lies in."""
        number = name.partition("/")[2]
        start = int(number) // self.facts["shard"] * self.facts["shard"]
        split = self.split(name)
        return Chunk(split, start, min(start + self.facts["shard"], self.facts["counts"][split]))

    def picture(self, name: str) -> Picture:
        return self.layer(name, "target")

    def companions(self, name: str) -> dict[str, Picture]:
        return {layer: self.layer(name, layer) for layer in self.parts(name) if layer != "target"}

    def facts_of(self, name: str) -> dict[str, Any]:
        """Return what else belongs to a sample, by sample key: the window of its hole, its kind."""
        path, number = self.path / self.chunk(name).manifest, name.partition("/")[2]
        row = manifest_rows(path).get(number)
        if row is None:
            raise Damaged(f"{path} is damaged (it has no sample {number}); {AGAIN}")
        return {fact: value if isinstance(value, str) else np.array(value) for fact, value in row["facts"].items()}

    def parts(self, name: str) -> list[str]:
        """Return which layers a sample has."""
        if self.facts["format"] == "files":
            return [layer for layer in LAYERS if (self.path / layer / self.split(name)).is_dir()]
        number = name.partition("/")[2]
        members = archive_index(self.path / self.chunk(name).index)
        return [layer for layer in LAYERS if f"{number}.{layer}.png" in members]

    def layer(self, name: str, layer: str) -> Picture:
        """Return one picture of a sample, (H, W, C)."""
        path, offset, size, member = self.path / layer / f"{name}.png", 0, -1, ""
        if self.facts["format"] == "tar":
            chunk, member = self.chunk(name), f"{name.partition('/')[2]}.{layer}.png"
            path, places = self.path / chunk.archive, archive_index(self.path / chunk.index)
            if member not in places:
                raise Damaged(f"{self.path / chunk.index} is damaged (it has no {member}); {AGAIN}")
            offset, size = places[member]
        try:
            with regular(path).open("rb") as file:
                file.seek(offset)
                content = file.read(size)
        except FileNotFoundError as error:
            raise UserError(f"{path} is missing: write it again with the same henkan degrade") from error
        return decoded(content, f"{path}: {member}" if member else str(path))

    def manifest(self) -> str:
        return self.manifest_of(SPLITS)

    def manifest_of(self, splits: Collection[Split]) -> str:
        counts = {split: count for split, count in self.facts["counts"].items() if split in splits}
        return f"{self.facts['identity']}-{json.dumps(counts, sort_keys=True)}"


def checked(facts: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return what `dataset.json` says; raises `Damaged` if it does not say it."""

    def is_count(value: Any, least: int) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and value >= least

    counts = facts.get("counts")
    fits = {
        "identity": isinstance(facts.get("identity"), str),
        "channels": facts.get("channels") in (1, 3),
        "format": facts.get("format") in FORMATS,
        "shard": is_count(facts.get("shard"), 1),
        "classes": isinstance(facts.get("classes", []), list),
        "counts": isinstance(counts, dict)
        and all(split in SPLITS and is_count(count, 0) for split, count in counts.items()),
    }
    if wrong := [name for name, fit in fits.items() if not fit]:
        raise Damaged(f"{path} is damaged (it does not say {', '.join(wrong)}); {ELSEWHERE}")
    return facts


manifest_rows = lru_cache(maxsize=64)(rows)
archive_index = lru_cache(maxsize=64)(index)
