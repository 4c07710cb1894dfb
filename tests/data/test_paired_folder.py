from pathlib import Path

import numpy as np
import pytest
from pictures_on_disk import folder_of, noise
from PIL import Image

from henkan.data.framing import CropFlip
from henkan.data.paired_folder import PairedFolder
from henkan.data.pictures import Picture
from henkan.data.stream import EvaluationSet, TrainingStream
from henkan.degradations.identity import Identity
from henkan.errors import UserError
from henkan.sample import Parameters


def pairs(path: Path, names: list[str]) -> Path:
    folder_of(path / "target", names)
    for seed, name in enumerate(names):
        inverted = 255 - noise(12, 16, seed)
        (path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(inverted).save((path / "source" / name).with_suffix(".png"))
    return path


def test_source_and_target_are_framed_alike(tmp_path: Path) -> None:
    data = PairedFolder(pairs(tmp_path, ["b.png", "train/c.bmp"]), tmp_path / "cache")
    assert data.names("train") == ("b.png", "train/c.bmp")
    stream = TrainingStream(data, CropFlip(8, None), Identity(), seed=0)
    for i in range(8):
        sample = stream["generator", i]
        assert sample["target"].shape == (3, 8, 8)
        assert np.array_equal(sample["source"], 255 - sample["target"])


def test_missing_partner_is_named(tmp_path: Path) -> None:
    pairs(tmp_path, ["a.png", "b.png"])
    (tmp_path / "source" / "a.png").unlink()
    with pytest.raises(UserError, match=r"source lacks the partners of 1 pictures: a\.png"):
        PairedFolder(tmp_path)
    folder_of(tmp_path / "source", ["a.png", "c.png"])
    with pytest.raises(UserError, match=r"target lacks the partners of 1 pictures: c\.png"):
        PairedFolder(tmp_path)


def test_two_candidates_for_one_partner(tmp_path: Path) -> None:
    pairs(tmp_path, ["a.png"])
    folder_of(tmp_path / "source", ["a.jpg"])
    with pytest.raises(UserError, match="two pictures for one partner"):
        PairedFolder(tmp_path)


def test_missing_folder_is_named(tmp_path: Path) -> None:
    folder_of(tmp_path / "target", ["a.png"])
    with pytest.raises(UserError, match="source is no folder"):
        PairedFolder(tmp_path)


def test_sizes_must_agree(tmp_path: Path) -> None:
    pairs(tmp_path, ["test/a.png"])
    Image.fromarray(noise(12, 15)).save(tmp_path / "source" / "test" / "a.png")
    with pytest.raises(UserError, match=r"test/a\.png: its source is 15x12 pixels, its target 16x12"):
        EvaluationSet(PairedFolder(tmp_path), "test", None, Identity(), 0)[0]


def test_manifest_covers_both_sides(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = PairedFolder(pairs(tmp_path, ["a.png"]), cache).manifest()
    assert PairedFolder(tmp_path, cache).manifest() == first
    Image.fromarray(noise(12, 16, 5)).save(tmp_path / "source" / "a.png")
    assert PairedFolder(tmp_path, cache).manifest() != first


def test_a_side_may_lie_elsewhere(tmp_path: Path) -> None:
    pairs(tmp_path / "here", ["a.png"])
    (tmp_path / "here" / "source").rename(tmp_path / "there")
    data = PairedFolder(tmp_path / "here", tmp_path / "cache", source=str(tmp_path / "there"))
    before = data.manifest()
    assert np.array_equal(data.companions("a.png")["source"], 255 - data.picture("a.png"))
    Image.fromarray(noise(12, 16, 5)).save(tmp_path / "there" / "a.png")
    assert PairedFolder(tmp_path / "here", tmp_path / "cache", source=str(tmp_path / "there")).manifest() != before


class Inverted(Identity):
    """Makes a source of its own."""

    def draw(self, target: Picture, rng: np.random.Generator, name: str = "") -> Parameters:
        return {"source": 255 - target.transpose(2, 0, 1)}


def test_two_sources_are_one_too_many(tmp_path: Path) -> None:
    data = PairedFolder(pairs(tmp_path, ["test/a.png"]))
    with pytest.raises(UserError, match=r"a\.png comes with a source, and the degradation makes another"):
        EvaluationSet(data, "test", None, Inverted(), 0)[0]
