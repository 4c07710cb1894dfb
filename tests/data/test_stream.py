"""Samples and their order are functions of seed and counter; no worker, rank or interruption changes them."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pictures_on_disk import folder_of
from PIL import Image
from torch.utils.data import DataLoader

from henkan.data.framing import Center, CropFlip
from henkan.data.image_folder import ImageFolder
from henkan.data.sampler import StepIndexedBatches
from henkan.data.stream import EvaluationSet, Streams, TrainingStream, collate, collate_streams
from henkan.degradations.holes import Rectangle
from henkan.degradations.mask_files import NamedMasks
from henkan.errors import UserError

HOLES = Rectangle(2, 4, 4, [0.5, 0.5, 0.5])
PICTURES = 7


@pytest.fixture
def data(tmp_path: Path) -> ImageFolder:
    return ImageFolder(folder_of(tmp_path, [f"train/{i}.png" for i in range(PICTURES)] + ["val/a.png", "val/b.png"]))


SIZES = {"paired": 4}


def counters(iteration: int) -> tuple[str, int]:
    """Two iterations in three train the generator, one the discriminator alone."""
    alone = iteration // 3
    return ("discriminator", alone) if iteration % 3 == 2 else ("generator", iteration - alone)


def batches(data: ImageFolder, start: int, stop: int, workers: int = 0, **ranks: int) -> list[dict[str, Any]]:
    streams = Streams({"paired": TrainingStream(data, CropFlip(8, [8, 12]), HOLES, seed=3)})
    sampler = StepIndexedBatches(counters, start, stop, SIZES, **ranks)
    context = multiprocessing.get_context("fork") if workers else None
    loader = DataLoader(
        streams,
        batch_sampler=sampler,
        num_workers=workers,
        collate_fn=collate_streams,
        multiprocessing_context=context,
    )
    return [batch["paired"] for batch in loader]


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(
        torch.equal(value, other[key]) if isinstance(value, torch.Tensor) else value == other[key]
        for key, value in one.items()
    )


def test_a_batch(data: ImageFolder) -> None:
    batch = batches(data, 0, 1)[0]
    assert {key: tuple(value.shape) for key, value in batch.items() if key not in ("name", "kind")} == {
        "target": (4, 3, 8, 8),
        "mask": (4, 1, 8, 8),
        "window": (4, 2),
        "window_real": (4, 2),
        "area": (4,),
        "index": (4,),
    }
    assert batch["target"].dtype == batch["mask"].dtype == torch.uint8
    assert batch["window"].dtype == batch["window_real"].dtype == batch["index"].dtype == torch.int64
    assert batch["index"].tolist() == [0, 1, 2, 3] and len(batch["name"]) == 4
    assert batch["kind"] == ["rectangle"] * 4
    assert batch["area"].tolist() == batch["mask"].double().mean(dim=(1, 2, 3)).tolist()


def test_pictures_of_different_sizes_are_no_batch() -> None:
    items = [{"target": np.zeros((3, height, 8), np.uint8)} for height in (6, 5, 6)]
    with pytest.raises(UserError, match="a batch of pictures of 8x5 and 8x6 pixels: set batch_size=1, or cut them"):
        collate(items)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("workers", [1, 4])
def test_workers_change_nothing(data: ImageFolder, workers: int) -> None:
    alone, helped = batches(data, 0, 6), batches(data, 0, 6, workers)
    assert len(alone) == len(helped) == 6
    assert all(same(one, other) for one, other in zip(alone, helped, strict=True))


def test_a_spawned_worker_changes_nothing(data: ImageFolder) -> None:
    streams = Streams({"paired": TrainingStream(data, CropFlip(8, [8, 12]), HOLES, seed=3)})
    loader = DataLoader(
        streams,
        batch_sampler=StepIndexedBatches(counters, 0, 2, SIZES),
        num_workers=1,
        collate_fn=collate_streams,
        multiprocessing_context="spawn",
    )
    assert all(same(one["paired"], other) for one, other in zip(loader, batches(data, 0, 2), strict=True))


def test_every_stream_has_its_share_and_its_own_chance(data: ImageFolder) -> None:
    sizes = {"paired": 4, "unpaired_source": 2}
    keys = list(StepIndexedBatches(counters, 1, 3, sizes, rank=1, world_size=2))
    assert keys[0] == [("paired", "generator", 6), ("paired", "generator", 7), ("unpaired_source", "generator", 3)]
    streams = Streams(
        {name: TrainingStream(data, CropFlip(8, [8, 12]), HOLES, seed) for seed, name in enumerate(sizes)}
    )
    batch = collate_streams([streams[key] for key in keys[1]])
    assert {name: one["index"].tolist() for name, one in batch.items()} == {"paired": [2, 3], "unpaired_source": [1]}
    assert not torch.equal(batch["paired"]["target"][0], batch["unpaired_source"]["target"][0])


def test_interrupted_equals_straight(data: ImageFolder) -> None:
    straight = batches(data, 0, 8)
    resumed = batches(data, 0, 5) + batches(data, 5, 8)
    assert all(same(one, other) for one, other in zip(straight, resumed, strict=True))


def test_ranks_part_the_batch(data: ImageFolder) -> None:
    whole = batches(data, 0, 4)
    parts = [batches(data, 0, 4, rank=rank, world_size=2) for rank in (0, 1)]
    for batch, first, second in zip(whole, *parts, strict=True):
        assert torch.equal(batch["target"], torch.cat((first["target"], second["target"])))
        assert batch["name"] == first["name"] + second["name"]


def test_a_batch_that_cannot_be_parted() -> None:
    with pytest.raises(UserError, match="a batch of 5 samples of the stream paired cannot be split over 2 processes"):
        StepIndexedBatches(counters, 0, 1, {"paired": 5}, rank=0, world_size=2)


def test_sampler_length() -> None:
    sampler = StepIndexedBatches(counters, 3, 8, SIZES)
    assert len(sampler) == len(list(sampler)) == 5
    assert len(StepIndexedBatches(counters, 8, 8, SIZES)) == 0


def test_every_epoch_shows_every_picture_once_in_a_new_order(data: ImageFolder) -> None:
    stream = TrainingStream(data, CropFlip(8, [8, 12]), HOLES, seed=0)
    epochs = [tuple(stream["generator", PICTURES * e + i]["name"] for i in range(PICTURES)) for e in range(3)]
    assert all(sorted(epoch) == list(data.names("train")) for epoch in epochs)
    assert len(set(epochs)) == 3
    # Looked up out of order, and again: still the same.
    assert stream["generator", 1]["name"] == epochs[0][1]


def test_samples_depend_on_seed_and_counter(data: ImageFolder) -> None:
    keys = [("generator", 5), ("discriminator", 5), ("generator", 5 + PICTURES)]
    streams = [TrainingStream(data, CropFlip(8, [8, 12]), HOLES, seed) for seed in (0, 1)]
    targets = [stream[key]["target"].tobytes() for stream in streams for key in keys]
    assert len(set(targets)) == 6
    assert streams[0][keys[0]]["target"].tobytes() == targets[0]


def test_evaluation_is_fixed_by_data_seed_and_name(data: ImageFolder, tmp_path: Path) -> None:
    def masks(pictures: ImageFolder, data_seed: int) -> dict[str, bytes]:
        samples = EvaluationSet(pictures, "val", Center(12), HOLES, data_seed)
        return {samples[i]["name"]: samples[i]["mask"].tobytes() for i in range(len(samples))}

    first = masks(data, 0)
    assert list(first) == ["val/a.png", "val/b.png"]
    assert first == masks(data, 0) != masks(data, 1)
    folder_of(tmp_path, ["val/0.png"])
    more = masks(ImageFolder(tmp_path), 0)
    assert len(more) == 3 and first.items() <= more.items()


def test_whole_pictures(data: ImageFolder) -> None:
    sample = EvaluationSet(data, "val", None, HOLES, 0)[1]
    assert np.array_equal(sample["target"].transpose(1, 2, 0), data.picture(data.names("val")[1]))
    assert sample["mask"].shape == (1, 12, 16) and sample["index"] == 1


def test_an_empty_split_is_refused(data: ImageFolder) -> None:
    with pytest.raises(UserError, match="the split test is empty"):
        EvaluationSet(data, "test", None, HOLES, 0)


def test_a_picture_s_own_mask_is_refused_where_the_picture_is_cut_or_mirrored(tmp_path: Path) -> None:
    """Also where the sizes agree, so that only the contents would be wrong."""
    pictures = ImageFolder(folder_of(tmp_path / "pictures", ["train/a.png", "val/b.png"], 12, 12))
    corner = np.zeros((12, 12), np.uint8)
    corner[:4, :3] = 255
    for name in ("train/a.png", "val/b.png"):
        (tmp_path / "masks" / name).parent.mkdir(parents=True)
        Image.fromarray(corner).save(tmp_path / "masks" / name)
    masks = NamedMasks(tmp_path / "masks", [0.5, 0.5, 0.5])
    for framing in (None, Center(12), CropFlip(12, None, flip=0.0)):
        found = EvaluationSet(pictures, "val", framing, masks, 0)[0]
        assert np.array_equal(found["mask"][0], corner > 0)
    for framing in (Center(8), Center(8, 8), CropFlip(12, None, flip=1.0)):
        with pytest.raises(UserError, match=r"val/b\.png: its own mask does not fit once the picture is cut"):
            EvaluationSet(pictures, "val", framing, masks, 0)[0]
    with pytest.raises(UserError, match=r"train/a\.png: its own mask does not fit"):
        TrainingStream(pictures, CropFlip(12, None, flip=1.0), masks, seed=0)[("generator", 0)]
