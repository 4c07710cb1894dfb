"""What `henkan degrade` has written, read back: sample i is sample i."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from henkan.data.pictures import Picture, Pictures
from henkan.data.shards import LAYERS, Chunk, decoded, key
from henkan.errors import UserError


class Degraded(Pictures):
    """Samples that are framed and degraded already, in files or in tar shards, with random access to each.

    An epoch goes through them in their own order, so that training sees what it would have seen on the fly with the
    same seed, and the same however many samples are written beyond. `path` is the folder that was written.
    """

    ready = True

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser()
        facts = self.path / "dataset.json"
        if not facts.is_file():
            raise UserError(f"{self.path} was not written by henkan degrade: {facts} is missing")
        self.facts: dict[str, Any] = json.loads(facts.read_text())
        self.channels = int(self.facts["channels"])
        super().__init__(
            [f"{split}/{key(k)}" for split, count in self.facts["counts"].items() for k in range(count)], str(self.path)
        )
        shard = int(self.facts["shard"])
        for split, count in self.facts["counts"].items():
            chunks = [self.chunk(f"{split}/{key(k)}") for k in range(0, count, shard)]
            if not all((self.path / chunk.manifest).is_file() for chunk in chunks):
                raise UserError(f"{self.path} is not complete: start the same henkan degrade again")

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
        facts = rows(self.path / self.chunk(name).manifest)[name.partition("/")[2]]["facts"]
        return {fact: value if isinstance(value, str) else np.array(value) for fact, value in facts.items()}

    def parts(self, name: str) -> list[str]:
        """Return which layers a sample has."""
        if self.facts["format"] == "files":
            return [layer for layer in LAYERS if (self.path / layer / self.split(name)).is_dir()]
        number = name.partition("/")[2]
        members = index(self.path / self.chunk(name).index)
        return [layer for layer in LAYERS if f"{number}.{layer}.png" in members]

    def layer(self, name: str, layer: str) -> Picture:
        """Return one picture of a sample, (H, W, C)."""
        if self.facts["format"] == "files":
            path = self.path / layer / f"{name}.png"
            if not path.is_file():
                raise UserError(f"{path} is missing: write it again with the same henkan degrade")
            return decoded(path.read_bytes(), str(path))
        chunk, member = self.chunk(name), f"{name.partition('/')[2]}.{layer}.png"
        offset, size = index(self.path / chunk.index)[member]
        with (self.path / chunk.archive).open("rb") as file:
            file.seek(offset)
            return decoded(file.read(size), f"{self.path / chunk.archive}: {member}")

    def manifest(self) -> str:
        return f"{self.facts['identity']}-{json.dumps(self.facts['counts'], sort_keys=True)}"


@lru_cache(maxsize=64)
def index(path: Path) -> dict[str, list[int]]:
    """Return where in an archive each member lies."""
    found: dict[str, list[int]] = json.loads(path.read_text())
    return found


@lru_cache(maxsize=64)
def rows(path: Path) -> dict[str, dict[str, Any]]:
    """Return the lines of a chunk's manifest by key."""
    return {row["key"]: row for row in map(json.loads, path.read_text().splitlines())}
