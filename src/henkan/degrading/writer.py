"""Writes samples in chunks, as files or as tar files in WebDataset's layout."""

from __future__ import annotations

import io
import json
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from henkan.data.shards import LAYERS, Chunk, key
from henkan.data.splits import Split
from henkan.data.stream import BROKEN, EvaluationSet, TrainingStream, collate
from henkan.errors import UserError
from henkan.files import replaced, sealed
from henkan.sample import LABEL_MAPS, Sample
from henkan.transform import Transform

# The loader's bookkeeping, and what follows from the target and from the numbers that were drawn.
LEFT_OUT = ("name", "index", BROKEN, "parameters", "target_lab", "lightness", "depth", "transmission", "airlight")
# Samples that are degraded at once: the same however many processes there are.
BATCH = 8
# The fast end of PNG's range: half again as large, several times as fast.
COMPRESSION = (cv2.IMWRITE_PNG_COMPRESSION, 1)


@dataclass(frozen=True)
class Source:
    """Where the samples of a split come from, and what is done to them."""

    samples: TrainingStream | EvaluationSet
    transform: Transform

    def sample(self, number: int) -> Sample:
        """Return sample `number`, not degraded yet."""
        if isinstance(self.samples, TrainingStream):
            return self.samples["generator", number]
        return self.samples[number]


class ChunkWriter(Dataset[int]):
    """Writes chunk k when it is asked for, and returns how many samples it has."""

    def __init__(self, chunks: Sequence[Chunk], sources: Mapping[Split, Source], folder: Path, format: str) -> None:
        self.chunks, self.sources = list(chunks), dict(sources)
        self.folder, self.format = folder, format
        self._prints: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self.chunks)

    def __getitem__(self, number: int) -> int:
        chunk = self.chunks[number]
        source = self.sources[chunk.split]
        try:
            with self._destination(chunk) as destination:
                lines = [
                    self._written(destination, key(k), one, row, source)
                    for k, (one, row) in zip(range(chunk.start, chunk.stop), self._degraded(source, chunk), strict=True)
                ]
            with replaced(self.folder / chunk.manifest) as partial:
                partial.write_text("".join(json.dumps(sealed(row)) + "\n" for row in lines))
        except OSError as error:
            raise UserError(f"cannot write into {self.folder}: {error.strerror or error}") from error
        return len(chunk)

    def _degraded(self, source: Source, chunk: Chunk) -> Iterator[tuple[Sample, int]]:
        """Yield the samples of a chunk in order, each as a batch and its row in it."""
        for first in range(chunk.start, chunk.stop, BATCH):
            numbers = range(first, min(first + BATCH, chunk.stop))
            items = map(source.sample, numbers)
            for group in same_size(items):
                sample = source.transform.prepare(collate(group))
                yield from ((sample, row) for row in range(len(group)))

    def _written(
        self, destination: Destination, name: str, sample: Sample, row: int, source: Source
    ) -> dict[str, object]:
        """Write one sample of a batch and return its line of the manifest."""
        for layer in LAYERS:
            if layer in sample:
                destination.write(name, f"{layer}.png", encoded(sample[layer][row], layer))
        if maps := [key for key in sample if key not in (*LAYERS, *LEFT_OUT) and np.ndim(sample[key]) == 4]:
            raise UserError(
                f"a sample's {' and '.join(maps)} would not fit 8-bit files: train on this data as it is drawn"
            )
        facts = {
            fact: value[row].tolist() if isinstance(value, Tensor) else value[row]
            for fact, value in sample.items()
            if fact not in (*LAYERS, *LEFT_OUT)
        }
        numbers = sample.get("parameters")
        drawn = None if numbers is None else source.transform.degradation.describe(numbers[row].tolist())
        picture = sample["name"][row]
        if picture not in self._prints:
            self._prints[picture] = source.samples.pictures.fingerprint(picture)
        line = {"key": name, "picture": picture, "hash": self._prints[picture], "facts": facts, "drawn": drawn}
        if broken := sample.get(BROKEN):
            # What was passed over for it.
            line |= {BROKEN: broken[row]} if broken[row] else {}
        destination.write(name, "json", json.dumps(line).encode())
        return line

    @contextmanager
    def _destination(self, chunk: Chunk) -> Iterator[Destination]:
        if self.format == "files":
            yield Files(self.folder, chunk.split)
            return
        archive = self.folder / chunk.archive
        with replaced(archive) as partial, tarfile.open(partial, "w", format=tarfile.USTAR_FORMAT) as file:
            destination = Archive(file)
            yield destination
        with replaced(self.folder / chunk.index) as partial:
            partial.write_text(json.dumps(sealed(destination.index())))


class Destination(ABC):
    """Where the parts of samples are written to."""

    @abstractmethod
    def write(self, name: str, part: str, content: bytes) -> None:
        """Write one part of a sample: `source.png`, `json`."""


class Files(Destination):
    """source/SPLIT/KEY.png and so on, as `PairedFolder` reads them too."""

    def __init__(self, folder: Path, split: str) -> None:
        self.folder, self.split = folder, split

    def write(self, name: str, part: str, content: bytes) -> None:
        layer, _, kind = part.rpartition(".")
        if not layer:
            # Facts stand in the manifest.
            return
        with replaced(self.folder / layer / self.split / f"{name}.{kind}") as partial:
            partial.write_bytes(content)


class Archive(Destination):
    """Members KEY.source.png, KEY.target.png, KEY.json of one tar file."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self.archive = archive
        self._members: list[tarfile.TarInfo] = []

    def write(self, name: str, part: str, content: bytes) -> None:
        member = tarfile.TarInfo(f"{name}.{part}")
        member.size = len(content)
        self.archive.addfile(member, io.BytesIO(content))
        self._members.append(member)

    def index(self) -> dict[str, list[int]]:
        """Return member → where its content begins, and how long it is."""
        found: dict[str, list[int]] = {}
        position = 0
        for member in self._members:
            # A header of one block, then the content in whole blocks.
            found[member.name] = [position + tarfile.BLOCKSIZE, member.size]
            position += tarfile.BLOCKSIZE * (1 + -(-member.size // tarfile.BLOCKSIZE))
        return found


def same_size(items: Iterable[Sample]) -> Iterator[list[Sample]]:
    """Group neighbors of the same size: whole pictures may differ."""
    group: list[Sample] = []
    for item in items:
        if group and item["target"].shape != group[0]["target"].shape:
            yield group
            group = []
        group.append(item)
    if group:
        yield group


def encoded(layer: Tensor, name: str) -> bytes:
    """Return a picture (C, H, W) in [0, 1] as PNG, rounded to 8 bits; a mask is 0 or 1 there too, labels stay."""
    levels = layer if name in LABEL_MAPS else layer.clamp(0, 1).mul(1 if name == "mask" else 255).round()
    pixels = levels.byte().permute(1, 2, 0).cpu().numpy()
    done, content = cv2.imencode(".png", np.ascontiguousarray(pixels[..., ::-1]), COMPRESSION)
    assert done
    return bytes(content)
