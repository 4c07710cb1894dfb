"""How pictures are split, in words, and what of it has to be the same as before."""

from __future__ import annotations

from pathlib import Path

import pytest
from pictures_on_disk import folder_of

from henkan.data.contents import hash_contents
from henkan.data.counted import counted, tell
from henkan.data.image_folder import ImageFolder, class_of
from henkan.data.paired_folder import PairedFolder
from henkan.data.photographs import Photographs
from henkan.data.scored_folder import ScoredFolder
from henkan.data.splits import split_at_first
from henkan.errors import UserError

FRAMES = [f"film{film}_{frame:03d}.png" for film in range(20) for frame in range(3)]


def test_pictures_in_folders_of_other_names_are_split_by_them(tmp_path: Path) -> None:
    """15 of the 20 pictures in valid/ were trained on without a word."""
    names = [f"train/{k}.png" for k in range(8)] + [f"valid/{k}.png" for k in range(20)] + ["images/Test/a.png"]
    folder = ImageFolder(folder_of(tmp_path, names))
    assert [len(folder.names(split)) for split in ("train", "val", "test")] == [8, 20, 1]
    assert counted(folder) == [f"{tmp_path}: 8 train, 20 val, 1 test, by the folders images/Test, train, valid"]


def test_the_rule_is_said(tmp_path: Path) -> None:
    folder = ImageFolder(folder_of(tmp_path, ["a.png", "b.png", "c.png", "val/b.png"]))
    assert counted(folder) == [f"{tmp_path}: 1 train, 2 val, 1 test, 1 of them by the folders val, 3 by hash, 80/10/10"]
    folder = ImageFolder(folder_of(tmp_path / "flat", ["a.png", "b.png", "c.png"]))
    assert counted(folder) == [f"{tmp_path / 'flat'}: 1 train, 1 val, 1 test, by hash, 80/10/10"]
    assert counted(ScoredFolder(tmp_path / "flat"))[0].endswith("0 train, 0 val, 3 test, all of them scored")
    assert counted(Photographs()) == ["the sample photographs: 7 train, 1 val, 2 test, as they are listed"]


def test_what_looks_like_a_split_and_is_none_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"DIV2K_train_HR/{k}.png" for k in range(3)] + ["holdout/deep/a.png", "test/trainA/x.png", "photos/a.png"]
    tell(ImageFolder(folder_of(tmp_path, names)))
    first, div2k, holdout = capsys.readouterr().err.splitlines()
    assert first.startswith(f"henkan: {tmp_path}: ") and "1 of them by the folders test, 5 by hash" in first
    assert "the folder DIV2K_train_HR looks like a split and is none, its 3 pictures are split by hash" in div2k
    assert "the folder holdout looks like a split and is none, its 1 pictures" in holdout


def test_no_split_parts_a_group(tmp_path: Path) -> None:
    folder = ImageFolder(folder_of(tmp_path, FRAMES), group=r"film\d+")
    films = {split: {name.partition("_")[0] for name in folder.names(split)} for split in ("train", "val", "test")}
    assert sum(map(len, films.values())) == len(set().union(*films.values())) == 20
    assert counted(folder)[0].endswith("by hash of 20 groups, 80/10/10") and len(counted(folder)) == 1
    # Without it, most films are in more than one split.
    alone = ImageFolder(tmp_path)
    films = {split: {name.partition("_")[0] for name in alone.names(split)} for split in ("train", "val", "test")}
    assert sum(map(len, films.values())) > 20


def test_what_groups_cannot_keep_together_is_said(tmp_path: Path) -> None:
    folder_of(tmp_path, ["train/ann_1.png", "test/ann_2.png", "val/bob_1.png", "train/other.png"])
    _, alone, parted = counted(ImageFolder(tmp_path, group="(ann|bob)_"))
    assert alone == f"{tmp_path}: data.group finds nothing in 1 names, each its own: train/other.png"
    assert parted.startswith(f"{tmp_path}: 1 groups of data.group lie in the folders of several splits")
    assert parted.endswith(": ann")
    with pytest.raises(UserError, match=r"data\.group=eve finds nothing in any name of .*, as in "):
        ImageFolder(tmp_path, group="eve")


def test_pairs_have_groups_too(tmp_path: Path) -> None:
    for side in ("source", "target"):
        folder_of(tmp_path / side, FRAMES)
    pairs = PairedFolder(tmp_path, group=r"film\d+")
    assert pairs.names("test") == ImageFolder(tmp_path / "target", group=r"film\d+").names("test")


def test_manifests_of_before_stay_and_another_split_is_another(tmp_path: Path) -> None:
    old = ImageFolder(folder_of(tmp_path / "old", ["a.png", "train/b.png", "test/deep/c.png"]), tmp_path / "cache")
    assert old.manifest() == hash_contents(old.path, ["a.png", "train/b.png", "test/deep/c.png"], None)
    assert all(split_at_first(name) == split for split in ("train", "val", "test") for name in old.names(split))
    for names, group in (FRAMES, r"film\d+"), (["valid/a.png", "valid/b.png"], None), (["deep/test/a.png"], None):
        place = folder_of(tmp_path / names[0].replace("/", "-"), names)
        other = ImageFolder(place, tmp_path / "cache", group=group)
        assert other.manifest() != hash_contents(place, names, tmp_path / "cache")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("cat/a.png", "cat"),
        ("train/cat/young/a.png", "cat"),
        ("images/train/cat/a.png", "cat"),
        ("cat/train/a.png", "cat"),
        ("valid/dog/a.png", "dog"),
        ("train/a.png", ""),
        ("a.png", ""),
    ],
)
def test_classes_are_folders_that_are_no_splits(name: str, found: str) -> None:
    assert class_of(name) == found
