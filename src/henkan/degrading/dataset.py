"""A folder of degraded samples: what it holds, who writes it, its manifest and contact sheet."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.data import DataLoader
from torchvision.utils import make_grid, save_image

from henkan.config.history import without_defaults
from henkan.config.resolved import Config
from henkan.cores import cores
from henkan.data.degraded import Degraded
from henkan.data.pictures import Picture, Pictures
from henkan.data.shards import ELSEWHERE, Chunk
from henkan.data.splits import SPLITS, Split
from henkan.degrading.writer import ChunkWriter, Source
from henkan.errors import UserError
from henkan.files import read_json, replaced, write_sealed
from henkan.runs import machine
from henkan.runs.identity import digest, manifest_of, without_place
from henkan.runs.sources import code
from henkan.scoring.evaluation_set import evaluation_set, framing_of, scored
from henkan.training.assemble import build_transform, training_stream


class Settings(Config):
    """The config of `henkan degrade`, as far as it is read here."""

    splits: list[Split]
    format: str
    shard: int


def claim(output: Path, config: Settings, pictures: Pictures, counts: Mapping[str, int]) -> None:
    """Write `dataset.json`, what the folder holds. Raises `UserError` if it holds something else already."""
    test = config["evaluation"]["framing"]
    if framing_of(config, pictures, test) is None:
        # However it is said.
        test = None
    parts = {
        "data": {**without_place(config["data"]), "manifest": manifest_of(config, pictures, SPLITS)},
        "augmentation": config["augmentation"],
        "degradation": config["degradation"],
        "seed": config["seed"],
        "size": config["size"],
        "format": config["format"],
        "shard": config["shard"],
        "scored": scored(config)["degradation"],
        "framing": {"val": config["validation"]["framing"], "test": test},
    }
    if (screen := config.get("screen")) is not None:
        # What it passes over is decided when samples are drawn.
        parts["screen"] = without_place(screen)
    # What was written before an option was there is the same at the value that it was introduced with.
    identity, path = digest(without_defaults(parts)), output / "dataset.json"
    known = read_json(path, ELSEWHERE, dict) if path.is_file() else None
    if known is not None and known.get("identity") != identity:
        raise UserError(f"{output} holds samples of other settings: give another folder with output=DIR")
    if known is None and output.is_dir() and any(output.iterdir()):
        raise UserError(f"{output} is not empty: give another folder with output=DIR")
    try:
        output.mkdir(parents=True, exist_ok=True)
        facts = {
            "identity": identity,
            "channels": pictures.channels,
            "counts": dict(counts),
            "format": config["format"],
            "classes": list(pictures.classes),
        }
        write_sealed(
            path,
            {**facts, "shard": config["shard"], "settings": parts, "versions": machine.versions(), "code": code(parts)},
        )
    except OSError as error:
        raise UserError(f"cannot write {output}: {error.strerror}; choose another with output=DIR") from error


def sources(config: Settings, pictures: Pictures) -> dict[Split, Source]:
    """Return split → where its samples come from: the training stream, or the pictures of an evaluation."""
    found: dict[Split, Source] = {}
    framings = {"val": config["validation"]["framing"], "test": config["evaluation"]["framing"]}
    for split in config["splits"]:
        # What scores are of is degraded as they say.
        own: Config = scored(config) if split == "test" else config
        samples = (
            training_stream(own, pictures)
            if split == "train"
            else evaluation_set(own, pictures, split, framings[split], reduced=split == "val")
        )
        found[split] = Source(samples, build_transform(own))
    return found


def write(
    chunks: list[Chunk],
    sources: Mapping[Split, Source],
    output: Path,
    format: str,
    workers: int | None,
) -> None:
    """Write chunks, several at once; each is one process's work from beginning to end."""
    writer = ChunkWriter(chunks, sources, output, format)
    count = min(len(chunks), cores() if workers is None else workers)
    # One thread each: sums would depend on how many there are.
    torch.set_num_threads(1)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with warnings.catch_warnings(), Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        # More processes than cores are the caller's choice.
        warnings.filterwarnings("ignore", message=".*worker processes in total.*")
        loader: DataLoader[Any] = DataLoader(writer, batch_size=None, num_workers=count if count > 1 else 0)
        bar = progress.add_task("degrade", total=sum(len(chunk) for chunk in chunks))
        for written in loader:
            progress.advance(bar, int(written))


def collect(output: Path, chunks: list[Chunk]) -> None:
    """Join the chunks' manifests into `manifest.jsonl`, in order."""
    with replaced(output / "manifest.jsonl") as partial, partial.open("w") as file:
        for chunk in chunks:
            file.write((output / chunk.manifest).read_text())


def contact_sheet(output: Path, split: Split, count: int) -> None:
    """Draw the first samples of a split: each source, and the strokes beside it, above its target."""
    data = Degraded(output)
    columns = [
        column({**data.companions(name), "target": data.picture(name)}) / 255 for name in data.names(split)[:count]
    ]
    # Whole pictures may differ in size: those of the first one's are shown.
    alike = [one for one in columns if one.shape == columns[0].shape]
    save_image(make_grid(alike, nrow=8, padding=4, pad_value=0.5), output / "sheet.png")


def column(sample: Mapping[str, Picture]) -> torch.Tensor:
    """Return a sample's pictures below each other, (3, H, W), as large as the largest: pixels of others are squares."""
    height, width = (max(layer.shape[axis] for layer in sample.values()) for axis in (0, 1))
    shown = [
        np.broadcast_to(
            cv2.resize(sample[name], (width, height), interpolation=cv2.INTER_NEAREST).reshape(height, width, -1),
            (height, width, 3),
        )
        for name in ("source", "strokes", "target")
        if name in sample
    ]
    return torch.from_numpy(np.concatenate(shown)).permute(2, 0, 1)
